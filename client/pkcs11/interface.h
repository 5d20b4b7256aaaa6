/* SPDX-License-Identifier: ISC
 *
 * PKCS#11 3.0's interfaces (sections 5.4.4 to 5.4.6). p11-kit 0.24's header does not declare them; 0.25's
 * declares CK_INTERFACE and the two functions that give one.
 */
#ifndef SMIME_PKCS11_INTERFACE_H
#define SMIME_PKCS11_INTERFACE_H

#include <p11-kit/pkcs11.h>

#if CRYPTOKI_VERSION_MAJOR < 3
typedef struct ck_interface {
	char *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE;
#endif

typedef CK_RV (*interface_init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
typedef CK_RV (*interface_final)(CK_SESSION_HANDLE);
typedef CK_RV (*interface_message)(CK_SESSION_HANDLE, void *, CK_ULONG, unsigned char *, CK_ULONG, unsigned char *,
				   CK_ULONG, unsigned char *, CK_ULONG *);
typedef CK_RV (*interface_begin)(CK_SESSION_HANDLE, void *, CK_ULONG, unsigned char *, CK_ULONG);
typedef CK_RV (*interface_next)(CK_SESSION_HANDLE, void *, CK_ULONG, unsigned char *, CK_ULONG, unsigned char *,
				CK_ULONG *, CK_FLAGS);
typedef CK_RV (*interface_sign)(CK_SESSION_HANDLE, void *, CK_ULONG, unsigned char *, CK_ULONG, unsigned char *,
				CK_ULONG *);
typedef CK_RV (*interface_verify)(CK_SESSION_HANDLE, void *, CK_ULONG, unsigned char *, CK_ULONG, unsigned char *,
				  CK_ULONG);
typedef CK_RV (*interface_empty)(CK_SESSION_HANDLE, void *, CK_ULONG);

struct interface_functions {
	CK_FUNCTION_LIST base;
	CK_RV (*C_GetInterfaceList)(CK_INTERFACE *, CK_ULONG *);
	CK_RV (*C_GetInterface)(unsigned char *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_RV (*C_LoginUser)(CK_SESSION_HANDLE, CK_USER_TYPE, unsigned char *, CK_ULONG, unsigned char *, CK_ULONG);
	CK_RV (*C_SessionCancel)(CK_SESSION_HANDLE, CK_FLAGS);
	interface_init C_MessageEncryptInit;
	interface_message C_EncryptMessage;
	interface_begin C_EncryptMessageBegin;
	interface_next C_EncryptMessageNext;
	interface_final C_MessageEncryptFinal;
	interface_init C_MessageDecryptInit;
	interface_message C_DecryptMessage;
	interface_begin C_DecryptMessageBegin;
	interface_next C_DecryptMessageNext;
	interface_final C_MessageDecryptFinal;
	interface_init C_MessageSignInit;
	interface_sign C_SignMessage;
	interface_empty C_SignMessageBegin;
	interface_sign C_SignMessageNext;
	interface_final C_MessageSignFinal;
	interface_init C_MessageVerifyInit;
	interface_verify C_VerifyMessage;
	interface_empty C_VerifyMessageBegin;
	interface_verify C_VerifyMessageNext;
	interface_final C_MessageVerifyFinal;
};

CK_RV C_GetInterfaceList(CK_INTERFACE *into, CK_ULONG *count);
CK_RV C_GetInterface(unsigned char *name, CK_VERSION *version, CK_INTERFACE **ret_interface, CK_FLAGS flags);

#endif
