/* SPDX-License-Identifier: ISC
 *
 * The PK commands: lines, each a byte for the command and its arguments.
 */
#include "fuzz.h"
#include "key_command.h"
#include "stub_ask.h"

#include <string.h>

static void run_line(char kind, char *line)
{
	CLEAN_BUF struct buf result = BUF_INIT(KEY_LIST_MAX);
	int rc = 0;

	switch (kind) {
	case 'L':
		rc = key_command_list(line, &result);
		break;
	case 'P':
		rc = key_command_login(line, -1);
		break;
	case 'S':
	case 'D':
	case 'E':
		rc = key_command_run(kind == 'S' ? MSG_SIGN : kind == 'D' ? MSG_DECRYPT : MSG_DERIVE, line, -1, &result);
		require(rc || result.length <= KEY_RESULT_MAX);
		break;
	default:
		rc = key_command_data(line);
	}
	require(rc <= 0 && (!rc || !result.length || kind == 'L'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_FREE char *text = strndup((const char *)data, size);
	int lowest = fuzz_lowest_fd();
	char *rest, *line;

	require(text);
	stub_ask_open(size % 2 ? STUB_BLOCK : STUB_KEY);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		run_line(*line, line + 1);
	require(!key_command_data("")); /* nothing is left for the next input */
	require(lowest == fuzz_lowest_fd());
	return 0;
}
