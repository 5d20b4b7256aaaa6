/* SPDX-License-Identifier: ISC
 *
 * The functions behind the C_ ones, each as PKCS#11 2.40 (C_SessionCancel: 3.0) has it, by file. They are
 * reached through the tables of functions.c alone.
 */
#ifndef SMIME_PKCS11_FUNCTIONS_H
#define SMIME_PKCS11_FUNCTIONS_H

#include <p11-kit/pkcs11.h>

/* module.c */
CK_RV p11_initialize(void *init_args);
CK_RV p11_finalize(void *reserved);
CK_RV p11_get_info(CK_INFO *info);
CK_RV p11_get_info_3(CK_INFO *info);

/* slot.c */
CK_RV p11_get_slot_list(CK_BBOOL present, CK_SLOT_ID *into, CK_ULONG *count);
CK_RV p11_get_slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info);
CK_RV p11_get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info);
CK_RV p11_get_mechanism_list(CK_SLOT_ID id, CK_MECHANISM_TYPE *into, CK_ULONG *count);
CK_RV p11_get_mechanism_info(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);
CK_RV p11_wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *ret_id, void *reserved);
CK_RV p11_init_token(CK_SLOT_ID id, unsigned char *pin, CK_ULONG length, unsigned char *label);
CK_RV p11_init_pin(CK_SESSION_HANDLE handle, unsigned char *pin, CK_ULONG length);
CK_RV p11_set_pin(CK_SESSION_HANDLE handle, unsigned char *old_pin, CK_ULONG old_length, unsigned char
		*new_pin, CK_ULONG new_length);
CK_RV p11_generate_random(CK_SESSION_HANDLE handle, unsigned char *into, CK_ULONG length);
CK_RV p11_seed_random(CK_SESSION_HANDLE handle, unsigned char *seed, CK_ULONG length);

/* session.c */
CK_RV p11_open_session(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
		CK_SESSION_HANDLE *ret_handle);
CK_RV p11_close_session(CK_SESSION_HANDLE handle);
CK_RV p11_close_all_sessions(CK_SLOT_ID id);
CK_RV p11_get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info);
CK_RV p11_login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, CK_ULONG length);
CK_RV p11_logout(CK_SESSION_HANDLE handle);
CK_RV p11_session_cancel(CK_SESSION_HANDLE handle, CK_FLAGS flags);

/* object.c */
CK_RV p11_find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count);
CK_RV p11_find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *into, CK_ULONG most, CK_ULONG
		*ret_count);
CK_RV p11_find_objects_final(CK_SESSION_HANDLE handle);
CK_RV p11_get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
		CK_ULONG count);
CK_RV p11_get_object_size(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *ret_size);
CK_RV p11_destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object);
CK_RV p11_create_object(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count,
		CK_OBJECT_HANDLE *object);
CK_RV p11_copy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
		CK_ULONG count, CK_OBJECT_HANDLE *copy);
CK_RV p11_set_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
		CK_ULONG count);
CK_RV p11_generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template,
		CK_ULONG count, CK_OBJECT_HANDLE *key);
CK_RV p11_generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE
		*public_template, CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG
		private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);

/* sign.c */
CK_RV p11_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV p11_sign(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length, unsigned char
		*signature, CK_ULONG *length);
CK_RV p11_sign_update(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG length);
CK_RV p11_sign_final(CK_SESSION_HANDLE handle, unsigned char *signature, CK_ULONG *length);

/* decrypt.c */
CK_RV p11_decrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV p11_decrypt(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length, unsigned char
		*into, CK_ULONG *length);
CK_RV p11_decrypt_update(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_length, unsigned
		char *into, CK_ULONG *length);
CK_RV p11_decrypt_final(CK_SESSION_HANDLE handle, unsigned char *into, CK_ULONG *length);

/* derive.c */
CK_RV p11_derive_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *ret_key);
CK_RV p11_unwrap_key(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with, unsigned
		char *wrapped, CK_ULONG length, CK_ATTRIBUTE *attributes, CK_ULONG count,
		CK_OBJECT_HANDLE *ret_key);

#endif
