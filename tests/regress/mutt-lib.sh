# SPDX-License-Identifier: ISC
# Sourced by tests that drive a program on a terminal of its own, in tmux.
terminal="tmux -L $(basename "$work") -f /dev/null"

# run_in_terminal COMMAND...: the screen is $work/screen after each look.
run_in_terminal() {
	$terminal kill-server 2>/dev/null
	wait_for over && : >"$work/screen" || return
	$terminal new-session -d -x 120 -y 50 "$*"
}
look() { # PATTERN: whether the screen has it now
	$terminal capture-pane -p >"$work/screen" 2>/dev/null
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
	$terminal send-keys "$@"
}
over() {
	! $terminal has-session 2>/dev/null
}
end_terminal() {
	$terminal kill-server 2>/dev/null
	true
}
