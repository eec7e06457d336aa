# Shared by the scripts of this folder; source it, it runs nothing by itself.
# shellcheck shell=bash disable=SC2034

set -u -o pipefail

SWERVE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# --- Cleaning up -----------------------------------------------------------------------------------
# Commands pushed here run in reverse order, once, however the script ends: EXIT, Ctrl-C, SIGTERM, SIGHUP.

CLEANUPS=()
cleanup_push() { CLEANUPS+=("$*"); }

cleanup_run() {
	local status=$? i
	trap '' INT TERM HUP
	trap - EXIT
	for ((i = ${#CLEANUPS[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUPS[i]}" || true
	done
	CLEANUPS=()
	exit "$status"
}

cleanup_arm() {
	trap cleanup_run EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

# End one process group that this script started: TERM, two seconds, KILL.
end_group() {
	local pid=$1 i
	kill -0 -- "-$pid" 2>/dev/null || return 0
	kill -TERM -- "-$pid" 2>/dev/null
	for ((i = 0; i < ${2:-2} * 20; i++)); do
		kill -0 -- "-$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# Run a command in a process group of its own and wait for it. A trap can only fire between commands or in `wait`:
# this way Ctrl-C and SIGTERM act at once, and take the command's children along.
FOREGROUND=
FOREGROUND_GRACE_S=2
run_wait() {
	local status
	setsid "$@" &
	FOREGROUND=$!
	wait "$FOREGROUND"
	status=$?
	FOREGROUND=
	return "$status"
}
# The cleanup that goes with it; push it last, so that it runs first.
foreground_end() {
	[ -z "$FOREGROUND" ] || end_group "$FOREGROUND" "$FOREGROUND_GRACE_S"
}

# --- Packages --------------------------------------------------------------------------------------

PACKAGES_BUILD=(gcc libc6-dev clang llvm meson ninja-build pkg-config libdpdk-dev libnuma-dev libcunit1-dev
	libyaml-dev libjansson-dev libuv1-dev libmicrohttpd-dev libpcap-dev libmnl-dev libbpf-dev libxdp-dev
	libssl-dev)
PACKAGES_LAB=(nsd knot unbound ldnsutils dnsperf bind9-dnsutils dns-root-data ethtool iproute2 python3
	procps util-linux dpdk-dev libluajit-5.1-2)
PACKAGES_COMPARE=(knot-resolver bind9) # what the lab compares swerve with
PACKAGES_LINT=(git cppcheck clang-format prometheus) # promtool is in prometheus
PACKAGES_BENCH=(openssl dnsdist dnsmasq-base)

package_there() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian starts a daemon as soon as its package is unpacked. policy-rc.d is the documented way to forbid it; while it stands,
# services that already run are not restarted either.
policy_forbid() {
	local policy=/usr/sbin/policy-rc.d
	if [ -e "$policy" ]; then
		"$policy" nsd start >/dev/null 2>&1
		[ $? -eq 101 ] && return 0
		mv "$policy" "$policy.swerve-saved"
		cleanup_push "[ ! -e $policy.swerve-saved ] || mv -f $policy.swerve-saved $policy"
	fi
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	cleanup_push "rm -f $policy"
}

# Our lab starts its own daemons: those that came with a package we installed must not start at the next boot.
services_disable() {
	local p
	command -v systemctl >/dev/null || return 0
	[ -d /run/systemd/system ] || return 0
	for p in "$@"; do
		case $p in
		nsd | knot | unbound | prometheus | prometheus-node-exporter | dnsdist) systemctl -q disable "$p.service" 2>/dev/null ;;
		bind9) systemctl -q disable named.service 2>/dev/null ;;
		knot-resolver) systemctl -q disable kresd@1.service kres-cache-gc.service 2>/dev/null ;;
		esac
	done
	return 0
}

# install_missing PACKAGE...: what is there is left alone, whatever its version.
install_missing() {
	local missing=() p
	for p in "$@"; do
		package_there "$p" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "these packages are missing and there is no apt-get here: ${missing[*]}"
	[ "$(id -u)" -eq 0 ] || die "not root: cannot install ${missing[*]}"
	step "installing ${#missing[@]} packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 RUNLEVEL=1
	local opts=(-y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
	run_wait apt-get -q update || die "apt-get update failed"
	run_wait apt-get "${opts[@]}" --download-only install "${missing[@]}" || die "cannot download packages"
	policy_forbid
	# dpkg is not to be cut off halfway: Ctrl-C waits for it.
	FOREGROUND_GRACE_S=600
	run_wait sh -c 'trap "" INT TERM HUP; exec "$@"' sh apt-get "${opts[@]}" install "${missing[@]}" ||
		die "cannot install packages"
	FOREGROUND_GRACE_S=2
	services_disable "${missing[@]}"
}

# --- What the machine must allow -------------------------------------------------------------------

need_root() {
	[ "$(id -u)" -eq 0 ] || die "the lab needs root (network namespaces, raw sockets, XDP): run it with sudo"
}

need_netns() {
	unshare --net true 2>/dev/null ||
		die "this kernel or container gives no network namespaces (unshare --net fails); try a virtual machine"
}

HUGE=/sys/kernel/mm/hugepages/hugepages-2048kB

# hugepages_take MB: ask for what is missing in free pages, give exactly that much back at the end.
# Returns 1, with a sentence said, when the kernel has none to give: swerved then runs without.
hugepages_take() {
	local want=$(($1 / 2)) free total after
	if [ ! -w $HUGE/nr_hugepages ]; then
		say "no 2 MB hugepages on this kernel: swerved runs on ordinary pages"
		return 1
	fi
	free=$(<$HUGE/free_hugepages)
	[ "$free" -lt "$want" ] || return 0
	total=$(<$HUGE/nr_hugepages)
	echo $((total + want - free)) 2>/dev/null >$HUGE/nr_hugepages
	after=$(<$HUGE/nr_hugepages)
	[ "$after" -le "$total" ] || cleanup_push "hugepages_give $((after - total))"
	if [ "$(<$HUGE/free_hugepages)" -lt "$want" ]; then
		say "only $(<$HUGE/free_hugepages) of $want hugepages to be had: swerved runs on ordinary pages"
		return 1
	fi
	say "$((after - total)) hugepages taken, given back at the end"
}

hugepages_give() {
	local total
	total=$(<$HUGE/nr_hugepages)
	echo $((total > $1 ? total - $1 : 0)) >$HUGE/nr_hugepages
}

# --- Building --------------------------------------------------------------------------------------

# build_dir DIR CC MESON-OPTION...: set up once, build; on failure shows the end of the log.
build_dir() {
	local dir=$1 compiler=$2 log
	shift 2
	log=$dir/build.log
	mkdir -p "$dir"
	if [ ! -e "$dir/build.ninja" ]; then
		CC=$compiler run_wait meson setup "$dir" "$SWERVE_ROOT" "$@" >"$log" 2>&1 ||
			{ tail -n 40 "$log"; return 1; }
	fi
	run_wait ninja -C "$dir" >"$log" 2>&1 || { tail -n 60 "$log"; return 1; }
}
