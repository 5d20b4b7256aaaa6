#!/bin/sh
# SPDX-License-Identifier: ISC
# A pinentry for tests: answers from the file $HOME/pinentry, a line for each question (a PIN, or
# CANCEL, or HANG), says yes to what is to be confirmed (or what the file $HOME/pinentry-confirm says,
# CANCEL or HANG), and writes what it was told to $HOME/pinentry.log.
answers=$HOME/pinentry
log=$HOME/pinentry.log
echo "OK test pinentry"
while IFS= read -r line; do
	printf '%s\n' "$line" >>"$log"
	case $line in
	GETPIN*)
		answer=$(head -n 1 "$answers" 2>/dev/null)
		sed -i 1d "$answers" 2>/dev/null
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
