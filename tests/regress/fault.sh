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

# The process of the module's host, or nothing.
host_pid() {
	smime status | sed -n 's/^ *module *ready .* \([0-9][0-9]*\)$/\1/p' | head -n 1
}

sed -i "s|^module .*|module $fault|" "$conf"
write_fault_conf() {
	write_conf "$@"
	sed -i "s|^module .*|module $fault|" "$conf"
}
rules
