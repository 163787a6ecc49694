# shellcheck shell=bash
# What the scripts of tools/ share. Source it; it defines functions and starts nothing.
#
#   qp_root                          prints the repository's root
#   qp_say TEXT…, qp_die TEXT…       a line for the reader; the same on stderr, and exit 1
#   qp_run LABEL LOG COMMAND…        runs a command, output to LOG, progress on the terminal; on failure the log's tail
#   qp_packages GROUP…               prints the packages of groups of tools/packages.txt
#   qp_need_packages GROUP…          installs what is missing of them (root or sudo); does nothing where nothing is
#   qp_build PRESET [TARGET…]        set-up where missing, configure where missing, build; all targets by default
#
# Scripts that source it run under `set -euo pipefail`.

qp_root() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd
}

qp_say() {
  printf '%s\n' "$*"
}

qp_die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# How far a log has come: ninja's last [done/total], or apt's last status line; empty where it says neither.
qp_log_percent() {
  tail -n 200 "$1" 2>/dev/null | awk '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), part, "/")
      if (part[2] > 0) percent = sprintf("%3d%%  step %d of %d", part[1] * 100 / part[2], part[1], part[2])
    }
    /^(dl|pm)status:/ {
      split($0, part, ":")
      percent = sprintf("%3d%%  %s", part[3], /^dl/ ? "download" : "install")
    }
    END { print percent }'
}

# On a terminal one line that rewrites itself five times a second; elsewhere a line every 15 seconds.
qp_run() {
  local label=$1 log=$2
  shift 2
  local start=$SECONDS shown=$SECONDS tty=false status=0
  [[ -t 1 ]] && tty=true
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  local child=$!
  # Ctrl-C reaches the child by itself (same process group); a TERM has to be passed on.
  trap 'kill "$child" 2>/dev/null || true; exit 143' TERM
  while kill -0 "$child" 2>/dev/null; do
    if $tty; then
      printf '\r\033[K  … %s  %s  %ds' "$label" "$(qp_log_percent "$log")" $((SECONDS - start))
    elif ((SECONDS - shown >= 15)); then
      shown=$SECONDS
      printf '  … %s  %s  %ds\n' "$label" "$(qp_log_percent "$log")" $((SECONDS - start))
    fi
    sleep 0.2
  done
  wait "$child" || status=$?
  trap - TERM
  $tty && printf '\r\033[K'
  if ((status != 0)); then
    printf '  ✗ %s failed (exit %d) after %ds. The end of %s:\n\n' "$label" "$status" $((SECONDS - start)) "$log" >&2
    grep -avE '^(dl|pm)status:' "$log" | tail -n 40 >&2
    return "$status"
  fi
  printf '  ✓ %s  %ds\n' "$label" $((SECONDS - start))
}

qp_packages() {
  local group
  for group in "$@"; do
    awk -v want="[$group]" '
      /^\[/ { inside = ($1 == want); found = found || inside; next }
      inside && NF && $1 !~ /^#/ { print $1 }
      END { exit !found }' "$(qp_root)/tools/packages.txt" || qp_die "tools/packages.txt has no group [$group]"
  done
}

qp_missing_packages() {
  local package
  for package in $(qp_packages "$@"); do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || printf '%s\n' "$package"
  done
}

qp_need_packages() {
  command -v dpkg-query >/dev/null || qp_die "this needs Debian 12 (or a container of it): no dpkg here"
  local missing as_root=()
  mapfile -t missing < <(qp_missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null || qp_die "these Debian packages are missing, and this is neither root nor is there sudo.
Run as root:  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    sudo -v || qp_die "sudo did not let us in; it is needed once, to install: ${missing[*]}"
    as_root=(sudo)
  fi
  local logs
  logs=$(qp_root)/build/logs
  qp_run "apt-get update" "$logs/apt-update.log" \
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update || exit 1
  # Progress goes to a descriptor of its own, made behind sudo, which closes all but three: apt closes the one that it
  # reports to in front of the packages' scripts, and those need their output. Without a pty, for machines that have none.
  # shellcheck disable=SC2016
  qp_run "apt-get install: ${#missing[@]} packages and what they need" "$logs/apt-install.log" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c 'exec "$@" 3>&1' sh \
    apt-get -o DPkg::Lock::Timeout=120 -o DPkg::Use-Pty=0 -o APT::Status-Fd=3 install -y --no-install-recommends "${missing[@]}" || exit 1
}

# As many compilers as there are cores, but no more than there is memory for: one over gRPC headers takes up to 1 GiB.
qp_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
  ((memory < 1)) && memory=1
  echo $((cores < memory ? cores : memory))
}

qp_build() {
  local preset=$1 root
  shift
  root=$(qp_root)
  local groups=(build)
  [[ $preset == release ]] || groups+=(sanitizers)
  qp_need_packages "${groups[@]}"
  local dir=$root/build/$preset logs=$root/build/logs
  if [[ ! -f $dir/build.ninja ]]; then
    (cd "$root" && qp_run "configure ($preset)" "$logs/configure-$preset.log" cmake --preset "$preset") || exit 1
  fi
  # Paths below the root count as relative, so that another checkout of the same source finds its objects.
  CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=true NINJA_STATUS='[%f/%t] ' qp_run "build ($preset)" "$logs/build-$preset.log" \
    ninja -C "$dir" -j "$(qp_jobs)" "$@" || exit 1
}
