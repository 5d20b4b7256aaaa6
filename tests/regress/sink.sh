#!/bin/sh
# SPDX-License-Identifier: ISC
# Stands for the real sendmail: each call is a file N.args, a word a line, and the mail as N.mail, in $SINK.
# $SINK/fail has the exit status of one that fails half-way through the mail.
n=1
while ! mkdir "$SINK/$n.lock" 2>/dev/null; do n=$((n + 1)); done
for word in "$@"; do printf '%s\n' "$word"; done >"$SINK/$n.args"
if [ -e "$SINK/fail" ]; then
	head -c 50 >/dev/null
	exit "$(cat "$SINK/fail")"
fi
cat >"$SINK/$n.part" && mv "$SINK/$n.part" "$SINK/$n.mail"
