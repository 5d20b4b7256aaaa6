/* SPDX-License-Identifier: ISC
 *
 * The sessions of the token process with a module that loses them all and gives their handles to the next ones that are
 * opened, of whichever slot.
 */
#include "session.h"

#include "fixture.h"
#include "module.h"

#include <string.h>

#define HANDLES 32
#define CLOSED ((CK_SLOT_ID)-1)

static CK_SLOT_ID slot_of[HANDLES + 1]; /* by handle, from 1 */
static CK_SLOT_ID shift;		/* what the module adds to a slot's number in its answers */
static unsigned int logins[2];		/* by slot */

static bool is_open(CK_SESSION_HANDLE session)
{
	return session && session <= HANDLES && slot_of[session] != CLOSED;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_SESSION_HANDLE free = 1;

	(void)flags;
	(void)application;
	(void)notify;
	while (is_open(free))
		free++;
	assert_true(free <= HANDLES);
	slot_of[free] = slot;
	*session = free;
	return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	if (!is_open(session))
		return CKR_SESSION_HANDLE_INVALID;
	slot_of[session] = CLOSED;
	return CKR_OK;
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	if (!is_open(session))
		return CKR_SESSION_HANDLE_INVALID;
	*info = (CK_SESSION_INFO){.slotID = slot_of[session] + shift, .state = CKS_RO_USER_FUNCTIONS};
	return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG length)
{
	(void)user;
	(void)pin;
	(void)length;
	if (!is_open(session))
		return CKR_SESSION_HANDLE_INVALID;
	logins[slot_of[session]]++;
	return CKR_OK;
}

static CK_FUNCTION_LIST fake = {.C_OpenSession = open_session,
				.C_CloseSession = close_session,
				.C_GetSessionInfo = get_session_info,
				.C_Login = login};

static struct session_pool alice, bob;

static void lose_all(void)
{
	for (CK_SESSION_HANDLE i = 1; i <= HANDLES; i++)
		slot_of[i] = CLOSED;
}

static unsigned int count_open(CK_SLOT_ID slot)
{
	unsigned int count = 0;

	for (CK_SESSION_HANDLE i = 1; i <= HANDLES; i++)
		count += slot_of[i] == slot;
	return count;
}

static int set_up(void **state)
{
	(void)state;
	module = &fake;
	lose_all();
	shift = 0;
	logins[0] = logins[1] = 0;
	assert_int_equal(session_pool_init(&alice, 0, 0), 0);
	assert_int_equal(session_pool_init(&bob, 1, 0), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	session_pool_done(&alice);
	session_pool_done(&bob);
	return count_open(0) + count_open(1) != 0;
}

/* Three sessions of the pool are idle. */
static void fill(struct session_pool *pool)
{
	CK_SESSION_HANDLE sessions[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(session_borrow(pool, &sessions[i]), 0);
	for (int i = 0; i < 3; i++)
		session_return(pool, sessions[i], true);
}

static void login_goes_to_the_slot(void **state)
{
	(void)state;
	assert_int_equal(session_login(&alice, (const unsigned char *)"1", 1), 0);
	assert_int_equal(session_login(&bob, (const unsigned char *)"2", 1), 0);
	assert_int_equal(logins[0], 1);
	assert_int_equal(logins[1], 1);
	assert_true(session_logged_in(&alice));
}

static void no_pin_goes_to_another_slot(void **state)
{
	CK_SESSION_HANDLE stolen;

	(void)state;
	lose_all();
	assert_int_equal(open_session(1, 0, NULL, NULL, &stolen), CKR_OK);
	assert_int_equal(stolen, alice.anchor);
	assert_false(session_is_ours(&alice, alice.anchor));
	assert_false(session_logged_in(&alice));
	assert_int_equal(session_login(&alice, (const unsigned char *)"1", 1), ERR_TOKEN);
	assert_int_equal(logins[1], 0);
	close_session(stolen);
}

static void another_slots_session_is_not_closed(void **state)
{
	(void)state;
	lose_all();
	assert_int_equal(session_pool_init(&bob, 1, 0), 0);
	assert_int_equal(bob.anchor, alice.anchor);
	session_pool_done(&alice);
	assert_true(session_is_ours(&bob, bob.anchor));
	assert_int_equal(session_pool_init(&alice, 0, 0), 0);
	assert_int_equal(session_pool_renew(&alice), 0);
	assert_int_equal(count_open(0), 1);
	assert_int_equal(count_open(1), 1);
}

static void lost_sessions_are_not_lent(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	fill(&alice);
	fill(&bob);
	lose_all();
	/* Alice's is found to be lost, as an operation would find it; new ones have bob's handles. */
	assert_int_equal(session_borrow(&alice, &session), 0);
	assert_false(is_open(session));
	session_noted_loss();
	session_return(&alice, session, false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(session_borrow(&alice, &session), 0);
		assert_int_equal(slot_of[session], 0);
	}
	assert_int_equal(session_borrow(&bob, &session), 0);
	assert_int_equal(slot_of[session], 1);
	session_return(&bob, session, true);
	lose_all();
}

static void own_sessions_are_lent_again(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	fill(&alice);
	session_noted_loss();
	assert_int_equal(session_borrow(&alice, &session), 0);
	session_return(&alice, session, true);
	assert_int_equal(count_open(0), 4);
	assert_int_equal(alice.idle_count, 3);
}

static void a_new_anchor_may_have_the_handle_of_the_old(void **state)
{
	CK_SESSION_HANDLE before = alice.anchor;

	(void)state;
	lose_all();
	assert_int_equal(session_pool_renew(&alice), 0);
	assert_int_equal(alice.anchor, before);
	assert_true(session_is_ours(&alice, alice.anchor));
	assert_int_equal(count_open(0), 1);
	lose_all();
}

static void the_anchor_is_not_lent(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	lose_all();
	assert_int_equal(session_borrow(&alice, &session), 0);
	assert_int_not_equal(session, alice.anchor);
	assert_true(session_is_ours(&alice, session));
	session_return(&alice, session, false);
	assert_true(session_is_ours(&alice, alice.anchor));
	lose_all();
}

/* Some modules number slots otherwise in what they say of a session. */
static void slots_may_be_called_otherwise(void **state)
{
	(void)state;
	tear_down(state);
	shift = 100;
	assert_int_equal(session_pool_init(&alice, 0, 0), 0);
	assert_int_equal(session_pool_init(&bob, 1, 0), 0);
	assert_true(session_is_ours(&alice, alice.anchor));
	assert_false(session_is_ours(&alice, bob.anchor));
	assert_int_equal(session_login(&alice, (const unsigned char *)"1", 1), 0);
}

#define SESSION_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(login_goes_to_the_slot),
		SESSION_TEST(no_pin_goes_to_another_slot),
		SESSION_TEST(another_slots_session_is_not_closed),
		SESSION_TEST(lost_sessions_are_not_lent),
		SESSION_TEST(own_sessions_are_lent_again),
		SESSION_TEST(a_new_anchor_may_have_the_handle_of_the_old),
		SESSION_TEST(the_anchor_is_not_lent),
		SESSION_TEST(slots_may_be_called_otherwise),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
