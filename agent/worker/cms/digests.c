/* SPDX-License-Identifier: ISC
 *
 * One context a digest for as long as both forms are the same, which is for ever in mail as it
 * travels.
 */
#include "digests.h"

#include <string.h>
#include <strings.h>

static const struct {
	int nid;
	bool weak;
	const char *micalg;
} known[] = {
	{NID_sha256, false, "sha-256"}, {NID_sha384, false, "sha-384"}, {NID_sha512, false, "sha-512"},
	{NID_sha224, false, "sha-224"}, {NID_sha1, true, "sha1"},	{NID_md5, true, "md5"},
};

#define CANONICAL_CHUNK 65536
#define KNOWN (sizeof known / sizeof known[0])

void digests_init(struct digests *digests, bool forms)
{
	memset(digests, 0, sizeof *digests);
	digests->forms = forms;
}

static bool is_known(int nid)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].nid == nid)
			return true;
	return false;
}

int digests_add(struct digests *digests, int nid)
{
	EVP_MD_CTX *ctx;

	if (!is_known(nid) || digests_get(digests, nid, DIGESTS_EXACT))
		return 0;
	if (digests->count == DIGESTS_MAX)
		return ERR_TOO_LARGE;
	ctx = EVP_MD_CTX_new();
	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_get_digestbynid(nid), NULL)) {
		EVP_MD_CTX_free(ctx);
		return ERR_NO_MEMORY;
	}
	digests->list[digests->count].nid = nid;
	digests->list[digests->count++].form[DIGESTS_EXACT] = ctx;
	return 0;
}

/* "sha-256" and "sha256" are both in use, and lists of them. */
static bool names(const char *micalg, const char *name)
{
	while (*micalg && *name) {
		if (*micalg == '-' || *micalg == '_')
			micalg++;
		else if (*name == '-')
			name++;
		else if (strncasecmp(micalg, name, 1))
			return false;
		else
			micalg++, name++;
	}
	return !*name && (!*micalg || *micalg == ',' || *micalg == ' ');
}

static bool list_names(const char *micalg, const char *name)
{
	while (*micalg) {
		micalg += strspn(micalg, ", \t");
		if (names(micalg, name))
			return true;
		micalg += strcspn(micalg, ",");
	}
	return false;
}

int digests_add_micalg(struct digests *digests, const char *micalg)
{
	bool any = false;
	int rc = digests_add(digests, NID_sha256);

	for (size_t i = 0; i < KNOWN && !rc; i++)
		if (!known[i].weak && list_names(micalg, known[i].micalg)) {
			any = true;
			rc = digests_add(digests, known[i].nid);
		}
	for (size_t i = 0; i < KNOWN && !rc && !any; i++)
		rc = digests_add(digests, known[i].nid);
	return rc;
}

static int update_form(struct digests *digests, enum digests_form form, const void *data, size_t length)
{
	for (unsigned int i = 0; i < digests->count; i++)
		if (!EVP_DigestUpdate(digests->list[i].form[form], data, length))
			return ERR_INTERNAL;
	return 0;
}

/* With CRLF, collected: line by line it would cost more than the digests. `last` is the byte before. */
static int update_canonical(struct digests *digests, const uint8_t *data, size_t length)
{
	static uint8_t lines[CANONICAL_CHUNK];
	size_t count = 0;
	int rc = 0;

	while (length && !rc) {
		size_t room = (sizeof lines - count - 1), step = length < room ? length : room;
		const uint8_t *end = memchr(data, '\n', step);
		bool bare;

		step = end ? (size_t)(end - data) : step;
		memcpy(lines + count, data, step);
		count += step;
		bare = end && (step ? data[step - 1] : digests->last) != '\r';
		if (bare)
			lines[count++] = '\r';
		if (end)
			lines[count++] = '\n';
		step += end ? 1 : 0;
		digests->last = data[step - 1];
		data += step;
		length -= step;
		if (count + 2 >= sizeof lines || !length) {
			rc = update_form(digests, DIGESTS_CANONICAL, lines, count);
			count = 0;
		}
	}
	return rc;
}

/* Where the forms part: at an LF without its CR, or behind the last byte. */
static size_t find_bare_line_end(const struct digests *digests, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const uint8_t *found = memchr(data + i, '\n', length - i);

		if (!found)
			return length;
		i = (size_t)(found - data);
		if ((i ? data[i - 1] : digests->last) != '\r')
			return i;
	}
	return length;
}

static int part_forms(struct digests *digests)
{
	digests->differ = true;
	for (unsigned int i = 0; i < digests->count; i++) {
		EVP_MD_CTX *copy = EVP_MD_CTX_new();

		digests->list[i].form[DIGESTS_CANONICAL] = copy;
		if (!copy || !EVP_MD_CTX_copy_ex(copy, digests->list[i].form[DIGESTS_EXACT]))
			return ERR_NO_MEMORY;
	}
	return 0;
}

static void keep_start(struct digests *digests, const uint8_t *data, size_t length)
{
	size_t room = sizeof digests->start - digests->start_length;

	if (length > room)
		length = room;
	memcpy(digests->start + digests->start_length, data, length);
	digests->start_length += length;
}

int digests_update(struct digests *digests, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t same = length;
	int rc;

	if (!length)
		return 0;
	keep_start(digests, bytes, length);
	if (digests->forms)
		same = digests->differ ? 0 : find_bare_line_end(digests, bytes, length);
	rc = update_form(digests, DIGESTS_EXACT, bytes, same);
	if (same)
		digests->last = bytes[same - 1];
	if (rc || same == length)
		return rc;
	rc = digests->differ ? 0 : part_forms(digests);
	rc = rc ? rc : update_form(digests, DIGESTS_EXACT, bytes + same, length - same);
	return rc ? rc : update_canonical(digests, bytes + same, length - same);
}

const EVP_MD_CTX *digests_get(const struct digests *digests, int nid, enum digests_form form)
{
	for (unsigned int i = 0; i < digests->count; i++)
		if (digests->list[i].nid == nid)
			return digests->list[i].form[digests->differ ? form : DIGESTS_EXACT];
	return NULL;
}

void digests_done(struct digests *digests)
{
	for (unsigned int i = 0; i < digests->count; i++) {
		EVP_MD_CTX_free(digests->list[i].form[DIGESTS_EXACT]);
		EVP_MD_CTX_free(digests->list[i].form[DIGESTS_CANONICAL]);
	}
	digests->count = 0;
}

bool digests_is_weak(int nid)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].nid == nid)
			return known[i].weak;
	return true;
}
