# SPDX-License-Identifier: ISC
# Sourced after lib.sh by tests that need a token that fails: the fault module of tests/faults in
# front of SoftHSM, in place of it.
fault=$builddir/tests/faults/.libs/fault_p11.so
[ -e "$fault" ] || {
	echo "Bail out! $fault is not built: make tests/faults/fault_p11.la"
	exit 99
}
export FAULT_P11_MODULE=$softhsm
export FAULT_P11_RULES=$work/rules
export FAULT_P11_LOG=$work/calls

# rules RULE...: from now on, these and no others (see tests/faults/fault_p11.c).
rules() {
	rm -f "$work"/rules*
	: >"$work/rules.new"
	for rule in "$@"; do
		echo "$rule" >>"$work/rules.new"
	done
	mv "$work/rules.new" "$work/rules"
}

# calls FUNCTION: how often the module was called so, in all processes.
calls() {
	grep -c "^[0-9]* $1 " "$work/calls" 2>/dev/null
}

# new_calls FUNCTION COMMAND...: runs the command, whose status is in `got`, and counts in `count`.
new_calls() {
	function=$1
	shift
	before=$(calls "$function")
	"$@"
	got=$?
	count=$(($(calls "$function") - ${before:-0}))
}

# Sessions that the module's newest process has open.
open_sessions() {
	tail -n 1 "$work/calls" | cut -d ' ' -f 4
}

# The process of the module's token process, or nothing.
process_pid() {
	smime status | sed -n 's/^ *module *ready .* \([0-9][0-9]*\)$/\1/p' | head -n 1
}

# other_process PID: whether the module has a token process that is ready, and is not that one.
other_process() {
	now=$(process_pid)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

# process_dies: and the next one is ready.
process_dies() {
	old=$(process_pid)
	kill -9 "$old" && wait_for other_process "$old"
}

sed -i "s|^module .*|module $fault|" "$conf"
write_fault_conf() {
	write_conf "$@"
	sed -i "1s|^module .*|module $fault|" "$conf"
}
rules

# The agent's descriptors, or nothing where they cannot be seen.
agent_descriptors() {
	ls "/proc/$(agent_pid)/fd" 2>/dev/null | wc -l
}

no_zombies() {
	! ps -o stat= --ppid "$(agent_pid)" | grep -q Z
}

# talk COMMAND: lets a client (client.py) that stays connected do it, and waits for its answer, which
# is added to $work/answers.
talk() {
	if [ ! -p "$work/commands" ]; then
		rm -f "$work/answers" # of the one before, who was done as often
		mkfifo "$work/commands"
		/usr/bin/python3 "$srcdir/tests/regress/client.py" <"$work/commands" >"$work/answers" 2>&1 &
		talker=$!
		exec 9>"$work/commands"
		talked=0
	fi
	for command in "$@"; do
		echo "$command" >&9
		talked=$((talked + 1))
	done
	wait_for grep -q "^done $talked\$" "$work/answers"
}

# hang_up: that client ends.
hang_up() {
	exec 9>&-
	wait "$talker"
	rm -f "$work/commands"
}
