# SPDX-License-Identifier: ISC
# Sourced by tests that drive a program on a terminal of its own, in tmux. Each terminal has a server of its own: a
# server that ends may still take a client, which then hears that it exited unexpectedly.
terminals=0
terminal_processes=

terminal() {
	tmux -S "$work/terminal.$terminals" -f /dev/null "$@"
}
# run_in_terminal COMMAND: the screen is $work/screen after each look.
run_in_terminal() {
	end_terminal && : >"$work/screen" || return
	terminals=$((terminals + 1))
	terminal_processes=$(terminal new-session -d -P -F '#{pid} #{pane_pid}' -x 120 -y 50 "$*")
}
look() { # PATTERN: whether the screen has it now
	terminal capture-pane -p >"$work/screen" 2>/dev/null
	grep -q -- "$1" "$work/screen"
}
# see PATTERN: waits for it, and shows the screen if it does not come.
see() {
	wait_for look "$1" && return
	echo "not on the screen: $1" >&2
	grep . "$work/screen" >&2
	return 1
}
keys() {
	terminal send-keys "$@"
}
over() { # the server and the program in it have ended
	for process in $terminal_processes; do
		gone "$process" || return
	done
}
end_terminal() {
	over && return
	terminal kill-server 2>/dev/null
	wait_for over
}
trap 'end_terminal; cleanup' EXIT
