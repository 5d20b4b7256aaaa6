#!/bin/sh
# SPDX-License-Identifier: ISC
# A pinentry for tests: answers from the file $HOME/pinentry, a line for each question (a PIN, or
# CANCEL, or HANG), says yes to what is to be confirmed (or what the file $HOME/pinentry-confirm says,
# CANCEL or HANG), and writes what it was told to $HOME/pinentry.log, first where its windows would be. Where there is a file
# $HOME/pinentry-pins, a question with no line of its own is answered from that: SERIAL PIN, by the serial
# of the token in the question.
answers=$HOME/pinentry
pins=$HOME/pinentry-pins
log=$HOME/pinentry.log
question=

# The PIN of the token that is asked for, or nothing.
pin_of() {
	while read -r serial pin; do
		case $question in
		*"($serial)"*) echo "$pin" ;;
		esac
	done 2>/dev/null <"$pins" | head -n 1
}

printf 'environment %s\n' "${DISPLAY:-} ${WAYLAND_DISPLAY:-} ${XAUTHORITY:-} ${DBUS_SESSION_BUS_ADDRESS:-}" >>"$log"
echo "OK test pinentry"
while IFS= read -r line; do
	printf '%s\n' "$line" >>"$log"
	case $line in
	SETDESC*)
		question=$line
		echo "OK"
		;;
	GETPIN*)
		answer=$(head -n 1 "$answers" 2>/dev/null)
		sed -i 1d "$answers" 2>/dev/null
		[ -n "$answer" ] || [ ! -e "$pins" ] || answer=$(pin_of)
		case $answer in
		HANG) while :; do sleep 60; done ;;
		CANCEL | '') echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
		*)
			echo "D $answer"
			echo "OK"
			;;
		esac
		;;
	CONFIRM*)
		case $(cat "$HOME/pinentry-confirm" 2>/dev/null) in
		HANG) while :; do sleep 60; done ;;
		CANCEL) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
		*) echo "OK" ;;
		esac
		;;
	BYE*)
		echo "OK"
		exit 0
		;;
	*) echo "OK" ;;
	esac
done
