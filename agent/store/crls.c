/* SPDX-License-Identifier: ISC
 *
 * Keeps the newest CRL of each issuer and scope.
 */
#include "crls.h"

#include "database.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CRLS_MAX 1000
/* What one answer has at most. */
#define ANSWER_MAX (4 * (size_t)STORE_CRL_MAX)

static struct statement count_all = {.sql = "SELECT count(*) FROM crls"};
static struct statement insert = {
	.sql = "INSERT INTO crls(issuer, scope, this_update, next_update, der) VALUES(?1, ?2, ?3, ?4, ?5)"
	       " ON CONFLICT(issuer, scope) DO UPDATE SET this_update=?3, next_update=?4, der=?5"
	       " WHERE ?3>=this_update"};
static struct statement by_issuer = {
	.sql = "SELECT der FROM crls WHERE issuer=?1 ORDER BY this_update DESC"};

static int check_room(void)
{
	sqlite3_stmt *statement = database_statement(&count_all);
	bool row = false;
	int rc = statement ? database_step(statement, &row) : database_error();

	return rc || !row || sqlite3_column_int(statement, 0) < CRLS_MAX ? rc : ERR_TOO_LARGE;
}

static int keep(const struct msg_crl *crl, struct view der)
{
	sqlite3_stmt *statement = database_statement(&insert);
	int rc = check_room();

	if (rc || !statement)
		return rc ? rc : database_error();
	database_bind(statement, 1, crl->issuer);
	database_bind(statement, 2, crl->scope);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)crl->this_update);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)crl->next_update);
	database_bind(statement, 5, der);
	return database_run(statement);
}

int crls_add(const struct msg_crl *crl, int fd)
{
	CLEAN_BUF struct buf der = BUF_INIT(STORE_CRL_MAX);
	struct stat status;
	ssize_t got;
	int rc;

	if (fd < 0 || fstat(fd, &status) || status.st_size <= 0)
		return ERR_READ;
	if (status.st_size > STORE_CRL_MAX)
		return ERR_TOO_LARGE;
	rc = buf_reserve(&der, (size_t)status.st_size);
	if (rc)
		return rc;
	while (der.length < (size_t)status.st_size) {
		got = pread(fd, der.data + der.length, (size_t)status.st_size - der.length, (off_t)der.length);
		if (got <= 0)
			return ERR_READ;
		der.length += (size_t)got;
	}
	rc = database_begin(true);
	return rc ? rc : database_end(keep(crl, buf_view(&der)));
}

static int write_all(int fd, struct view bytes)
{
	while (bytes.length) {
		ssize_t written = write(fd, bytes.data, bytes.length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return ERR_NO_SPACE;
		bytes.data += written;
		bytes.length -= (size_t)written;
	}
	return 0;
}

static int write_issuer(struct view issuer, int fd, size_t *left)
{
	sqlite3_stmt *statement = database_statement(&by_issuer);
	bool row = false;
	int rc = 0;

	if (!statement)
		return database_error();
	database_bind(statement, 1, issuer);
	do {
		struct view der;

		rc = database_step(statement, &row);
		if (rc || !row)
			break;
		der = database_column(statement, 0);
		if (der.length > *left)
			return ERR_TOO_LARGE;
		*left -= der.length;
		rc = write_all(fd, der);
	} while (!rc);
	return rc;
}

static int write_found(struct view issuers, int fd)
{
	size_t left = ANSWER_MAX;
	int rc = 0;

	while (issuers.length && !rc) {
		struct view issuer;

		rc = view_bytes(&issuers, &issuer);
		rc = rc ? rc : write_issuer(issuer, fd, &left);
	}
	return rc;
}

int crls_find(const struct msg_crl_find *find, int *ret_fd)
{
	CLEAN_FD int fd = memfd_create("crls", MFD_CLOEXEC);
	int rc = fd < 0 ? ERR_NO_MEMORY : database_begin(false);

	rc = rc ? rc : database_end(write_found(find->issuers, fd));
	if (!rc)
		*ret_fd = TAKE_FD(fd);
	return rc;
}
