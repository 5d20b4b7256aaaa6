/* SPDX-License-Identifier: ISC
 *
 * smime-agent-prompt: gets one or two PINs, from a person through pinentry or from a descriptor,
 * hands them to the broker and ends. A process of its own, because both may take their time and
 * the broker may not. Trusts the broker and pinentry.
 */
#include "channel.h"
#include "log.h"
#include "pinentry.h"
#include "sandbox.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

/* Two PINs and their line ends. */
#define INPUT_MAX (2 * (SECRET_MAX + 2))

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned int count_lines(const struct buf *buf)
{
	unsigned int count = 0;

	for (size_t i = 0; i < buf->length; i++)
		count += buf->data[i] == '\n';
	return count;
}

/* The lines that are needed, or all there is, within the time. */
static int read_lines(int fd, unsigned int lines, uint32_t timeout_ms, struct buf *into)
{
	uint64_t end = now_ms() + timeout_ms;

	for (;;) {
		uint64_t now = now_ms();
		struct pollfd poll_fd = {fd, POLLIN, 0};
		ssize_t got;
		int rc = buf_reserve(into, 64);

		if (rc)
			return rc == ERR_TOO_LARGE ? ERR_PIN_LENGTH : rc;
		if (now >= end || poll(&poll_fd, 1, (int)(end - now)) <= 0)
			return ERR_TIMEOUT;
		got = read(fd, into->data + into->length, 64);
		if (got < 0)
			return ERR_READ;
		if (!got)
			return 0;
		into->length += (size_t)got;
		if (count_lines(into) >= lines)
			return 0;
	}
}

/* A line, without its end. What follows a NUL would be lost in a C string somewhere: refused. */
static int take_line(struct view *from, struct secret **ret_pin)
{
	size_t length = 0, end;

	while (length < from->length && from->data[length] != '\n')
		length++;
	end = length < from->length ? length + 1 : length;
	if (length && from->data[length - 1] == '\r')
		length--;
	if (!length)
		return ERR_PIN_NEEDED;
	for (size_t i = 0; i < length; i++)
		if (!from->data[i])
			return ERR_PIN_LENGTH;
	*ret_pin = secret_new((struct view){from->data, length});
	from->data += end;
	from->length -= end;
	return *ret_pin ? 0 : ERR_PIN_LENGTH;
}

static int from_descriptor(int fd, bool two, uint32_t timeout_ms, struct secret **ret_first,
			   struct secret **ret_second)
{
	CLEAN_BUF struct buf input = BUF_SECRET(INPUT_MAX);
	struct view rest;
	int rc = sandbox_enter(&(struct sandbox){0});

	rc = rc ? rc : read_lines(fd, two ? 2 : 1, timeout_ms, &input);
	if (rc)
		return rc;
	rest = buf_view(&input);
	rc = take_line(&rest, ret_first);
	return rc || !two ? rc : take_line(&rest, ret_second);
}

/* Each question has a pinentry of its own; both are started before the sandbox, in which nothing can be. */
static int from_person(struct msg_prompt *prompt, uint32_t timeout_ms, struct secret **ret_first,
		       struct secret **ret_second)
{
	CLEAN_PINENTRY struct assuan_context_s *pinentry = NULL;
	CLEAN_PINENTRY struct assuan_context_s *other = NULL;
	bool two = prompt->second.length && !prompt->confirm;
	int rc = pinentry_start(prompt, &pinentry);

	rc = rc || !two ? rc : pinentry_start(prompt, &other);
	rc = rc ? rc : sandbox_enter(&(struct sandbox){.rights = SANDBOX_CHILD});
	if (!rc && prompt->confirm)
		return pinentry_confirm(pinentry, prompt, timeout_ms / 1000);
	rc = rc ? rc : pinentry_ask(pinentry, prompt, prompt->first, timeout_ms / 1000, prompt->repeat & PROMPT_REPEAT_FIRST,
				    ret_first);
	if (rc || !two)
		return rc;
	prompt->error = (struct view){NULL, 0};
	return pinentry_ask(other, prompt, prompt->second, timeout_ms / 1000, prompt->repeat & PROMPT_REPEAT_SECOND,
			    ret_second);
}

static struct view pin_view(const struct secret *pin)
{
	return pin ? (struct view){pin->data, pin->length} : (struct view){NULL, 0};
}

static int answer_prompt(struct channel *channel, const struct message *message, uint32_t timeout_ms)
{
	CLEAN_SECRET struct secret *first = NULL;
	CLEAN_SECRET struct secret *second = NULL;
	struct msg_prompt prompt;
	struct msg_result result = {0};
	struct msg_pins pins;
	int rc = decode_prompt(message->payload, &prompt);

	if (!rc && message->fd >= 0)
		rc = from_descriptor(message->fd, prompt.second.length, timeout_ms, &first, &second);
	else if (!rc)
		rc = from_person(&prompt, timeout_ms, &first, &second);
	if (rc || !first) {
		result.error = (uint32_t)-rc;
		return send_RESULT(channel, message->id, &result, -1);
	}
	pins = (struct msg_pins){pin_view(first), pin_view(second)};
	return send_PINS(channel, message->id, &pins, -1);
}

int main(void)
{
	struct channel *channel;
	struct message message;
	struct msg_hello hello;

	channel = channel_to_broker(PROCESS_PROMPT, &hello, NULL);
	if (!channel || channel_receive(channel, true, &message) || message.type != MSG_PROMPT)
		return 1;
	_exit(answer_prompt(channel, &message, hello.timeout_ms) ? 1 : 0); /* destructors could ask for what the sandbox forbids */
}
