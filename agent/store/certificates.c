/* SPDX-License-Identifier: ISC
 *
 * Finds, keeps and removes certificates.
 */
#include "certificates.h"

#include "database.h"

#include <time.h>

#define FINGERPRINT_LENGTH 64
#define CERTIFICATES_MAX 100000
/* A sight is written down when the last one is this old: mail of the same people is read all day. */
#define SIGHT_SECONDS "3600"

#define COLUMNS "number, source, first_seen, last_seen, not_after, fingerprint, der, capabilities"
#define BY_KEY                                                                                   \
	"SELECT " COLUMNS " FROM keys JOIN certificates ON number=certificate WHERE kind=?3 AND " \
	"value=?1 AND certificate>?2 ORDER BY certificate LIMIT ?4"

static struct statement by_all = {
	.sql = "SELECT " COLUMNS " FROM certificates WHERE number>?2 ORDER BY number LIMIT ?4"};
static struct statement by_fingerprint = {
	.sql = "SELECT " COLUMNS " FROM certificates WHERE fingerprint>=CAST(?1 AS TEXT) AND "
	       "fingerprint<CAST(?1 AS TEXT)||'g' AND number>?2 ORDER BY number LIMIT ?4"};
static struct statement by_end = {
	.sql = "SELECT " COLUMNS " FROM certificates WHERE not_after BETWEEN ?1 AND ?5 AND number>?2 ORDER BY number LIMIT ?4"};
static struct statement by_key = {.sql = BY_KEY};

static struct statement number_of = {.sql = "SELECT number FROM certificates WHERE fingerprint=CAST(?1 AS TEXT)"};
static struct statement count_all = {.sql = "SELECT count(*) FROM certificates"};
static struct statement insert = {
	.sql = "INSERT INTO certificates(fingerprint, der, capabilities, source, first_seen, last_seen, not_after, keys)"
	       " VALUES(CAST(?1 AS TEXT), ?2, ?3, ?4, ?5, ?5, ?6, ?7)"};
static struct statement insert_key = {.sql = "INSERT OR IGNORE INTO keys VALUES(?1, ?2, ?3)"};
static struct statement update = {
	.sql = "UPDATE certificates SET source=max(source, ?4), last_seen=max(last_seen, ?5), der=?2, keys=?7,"
	       " fingerprint=CAST(?8 AS TEXT),"
	       " capabilities=CASE WHEN length(?3) THEN ?3 ELSE capabilities END WHERE number=?1 AND"
	       " (source<?4 OR last_seen+" SIGHT_SECONDS "<?5 OR der IS NOT ?2 OR keys IS NOT ?7 OR"
	       " fingerprint IS NOT CAST(?8 AS TEXT) OR"
	       " (length(?3) AND capabilities IS NOT ?3))"};
static struct statement forget = {.sql = "DELETE FROM certificates WHERE number=?1"};
static struct statement forget_keys = {.sql = "DELETE FROM keys WHERE certificate=?1"};

static int send_row(sqlite3_stmt *row, struct channel *channel, uint32_t id)
{
	struct msg_stored stored = {
		.number = (uint64_t)sqlite3_column_int64(row, 0),
		.source = (uint8_t)sqlite3_column_int(row, 1),
		.first_seen = (uint64_t)sqlite3_column_int64(row, 2),
		.last_seen = (uint64_t)sqlite3_column_int64(row, 3),
		.not_after = (uint64_t)sqlite3_column_int64(row, 4),
		.fingerprint = database_column(row, 5),
		.der = database_column(row, 6),
		.capabilities = database_column(row, 7),
	};

	return send_STORED(channel, id, &stored, -1);
}

static sqlite3_stmt *find_statement(const struct msg_store_find *find)
{
	struct view value = find->value;
	uint64_t from, to;
	sqlite3_stmt *statement;

	if (find->by != STORE_EXPIRING) {
		statement = database_statement(find->by == STORE_ALL	       ? &by_all
					       : find->by == STORE_FINGERPRINT ? &by_fingerprint
									       : &by_key);
		if (statement)
			database_bind(statement, 1, value);
		return statement;
	}
	statement = database_statement(&by_end);
	if (statement && !view_u64(&value, &from) && !view_u64(&value, &to)) {
		sqlite3_bind_int64(statement, 1, (sqlite3_int64)from);
		sqlite3_bind_int64(statement, 5, (sqlite3_int64)to);
	}
	return statement;
}

static int send_rows(const struct msg_store_find *find, struct channel *channel, uint32_t id)
{
	sqlite3_stmt *statement = find_statement(find);
	bool row = false;
	int rc = statement ? 0 : database_error();

	if (rc)
		return rc;
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)find->after);
	sqlite3_bind_int(statement, 3, find->by);
	sqlite3_bind_int(statement, 4, STORE_PAGE);
	do {
		rc = database_step(statement, &row);
		rc = rc || !row ? rc : send_row(statement, channel, id);
	} while (!rc && row);
	return rc;
}

int certificates_find(const struct msg_store_find *find, struct channel *channel, uint32_t id)
{
	int rc = find->by < STORE_BY_LIMIT && find->after <= INT64_MAX ? database_begin(false) : ERR_USAGE;

	return rc ? rc : database_end(send_rows(find, channel, id));
}

/* 0 for none. */
static int find_number(struct view fingerprint, sqlite3_int64 *ret_number)
{
	sqlite3_stmt *statement = database_statement(&number_of);
	bool row = false;
	int rc;

	if (!statement)
		return database_error();
	database_bind(statement, 1, fingerprint);
	rc = database_step(statement, &row);
	*ret_number = row ? sqlite3_column_int64(statement, 0) : 0;
	return rc;
}

static int check_room(void)
{
	sqlite3_stmt *statement = database_statement(&count_all);
	bool row = false;
	int rc = statement ? database_step(statement, &row) : database_error();

	return rc || !row || sqlite3_column_int64(statement, 0) < CERTIFICATES_MAX ? rc : ERR_TOO_LARGE;
}

static int add_keys(struct view keys, sqlite3_int64 number)
{
	int rc = 0;

	while (keys.length && !rc) {
		sqlite3_stmt *statement = database_statement(&insert_key);
		struct view value;
		uint8_t kind;

		rc = view_u8(&keys, &kind);
		rc = rc ? rc : view_bytes(&keys, &value);
		if (rc)
			return rc;
		if (statement) {
			sqlite3_bind_int(statement, 1, kind);
			database_bind(statement, 2, value);
			sqlite3_bind_int64(statement, 3, number);
		}
		rc = database_run(statement);
	}
	return rc;
}

static void bind_row(sqlite3_stmt *statement, const struct msg_stored *row)
{
	sqlite3_int64 now = row->last_seen ? (sqlite3_int64)row->last_seen : (sqlite3_int64)time(NULL);

	database_bind(statement, 2, row->der);
	database_bind(statement, 3, row->capabilities);
	database_bind(statement, 7, row->keys);
	sqlite3_bind_int(statement, 4, row->source);
	sqlite3_bind_int64(statement, 5, now);
}

static int add(const struct msg_stored *row)
{
	sqlite3_stmt *statement = database_statement(&insert);
	int rc = check_room();

	if (rc || !statement)
		return rc ? rc : database_error();
	bind_row(statement, row);
	database_bind(statement, 1, row->fingerprint);
	sqlite3_bind_int64(statement, 6, (sqlite3_int64)row->not_after);
	rc = database_run(statement);
	return rc ? rc : add_keys(row->keys, (sqlite3_int64)sqlite3_last_insert_rowid(sqlite3_db_handle(statement)));
}

static int refresh(const struct msg_stored *row, sqlite3_int64 number)
{
	sqlite3_stmt *statement = database_statement(&update);
	int rc;

	if (!statement)
		return database_error();
	bind_row(statement, row);
	/* Where the index had it and the row has not, this shows that the file is damaged. */
	database_bind(statement, 8, row->fingerprint);
	sqlite3_bind_int64(statement, 1, number);
	rc = database_run(statement);
	return rc ? rc : add_keys(row->keys, number); /* a damaged file may have lost some */
}

static int add_or_refresh(const struct msg_stored *row)
{
	sqlite3_int64 number;
	int rc = find_number(row->fingerprint, &number);

	if (rc)
		return rc;
	return number ? refresh(row, number) : add(row);
}

int certificates_add(const struct msg_stored *row)
{
	int rc = row->fingerprint.length == FINGERPRINT_LENGTH && row->der.length &&
				 row->der.length <= STORE_CERT_MAX &&
				 row->capabilities.length <= STORE_CAPABILITIES_MAX && row->source &&
				 row->source < STORE_SOURCE_LIMIT
			 ? database_begin(true)
			 : ERR_USAGE;

	return rc ? rc : database_end(add_or_refresh(row));
}

static int forget_number(sqlite3_int64 number)
{
	sqlite3_stmt *first = database_statement(&forget_keys), *second = database_statement(&forget);
	int rc;

	if (!first || !second)
		return database_error();
	sqlite3_bind_int64(first, 1, number);
	sqlite3_bind_int64(second, 1, number);
	rc = database_run(first);
	return rc ? rc : database_run(second);
}

static int remove_one(struct view fingerprint)
{
	sqlite3_int64 number;
	int rc = find_number(fingerprint, &number);

	if (rc)
		return rc;
	return number ? forget_number(number) : ERR_NO_CERTIFICATE;
}

int certificates_remove(const struct msg_store_remove *which)
{
	int rc = database_begin(true);

	return rc ? rc : database_end(remove_one(which->fingerprint));
}
