#!/bin/bash
# Runs inside the virtual machine, as its only job: the life of the service under a real systemd. Talks to the serial console.
vedette() { node /opt/vedette/dist/bin/main.js "$@"; }
property() { systemctl show vedette --property="$1" --value; }
now() { date +%s%N; }
since() { echo "$((($(now) - $1) / 1000000)) ms"; }
check() { # NAME RESULT [DETAIL]
  if [ "$2" = 0 ]; then echo "CHECK ok    $1  ${3:-}"; else
    echo "CHECK fails $1  ${3:-}"
    journalctl -u vedette -o cat --no-pager | tail -n 15 | cut -c1-300
  fi
}
is() { [ "$2" = "$3" ]; check "$1" $? "$2"; }
await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  while ((SECONDS < end)); do "${@:2}" && return 0; sleep 0.5; done
  return 1
}
no_process_left() { ! pgrep -u vedette >/dev/null 2>&1; }
is_live() { [[ "$(property StatusText)" == "1 of 1 cameras live" ]]; }
camera_process() { pgrep -P "$(property MainPID)" | head -n 1; }
has_new_camera() { local pid; pid=$(camera_process); [ -n "$pid" ] && [ "$pid" != "$1" ]; }
has_new_main() { [ "$(property MainPID)" != "$1" ] && [ "$(property ActiveState)" = active ]; }

echo "CHECK ok    booted  $(cut -d' ' -f1 /proc/uptime) s, $(systemctl --version | head -n 1)"

vedette service install
check 'install' $?
is 'enabled at boot' "$(property UnitFileState)" enabled
is 'owner of the data' "$(stat -c %U:%a /var/lib/vedette)" vedette:750
is 'owner of the configuration' "$(stat -c %U:%G:%a /etc/vedette/config.yaml)" root:vedette:640
vedette service status
is 'status: not running' $? 3

systemctl start vedette 2>/dev/null
sleep 5
is 'a wrong configuration ends with' "$(property ExecMainStatus)" 78
is 'and is not restarted' "$(property NRestarts):$(property ActiveState)" 0:failed
systemctl reset-failed vedette

cp /root/clip.mp4 /var/lib/vedette/clip.mp4
cat > /etc/vedette/config.yaml <<'YAML'
cameras:
  yard: { url: /var/lib/vedette/clip.mp4, fps: 1 }
YAML
start=$(now)
systemctl start vedette
check 'start returns when ready' $? "$(since "$start")"
is 'active' "$(property ActiveState):$(property SubState)" active:running
await 180 is_live
check 'says how it does' $? "$(property StatusText)"
vedette service status
is 'status: running' $? 0

main=$(property MainPID)
is 'no new privileges, system calls filtered, no capabilities' \
  "$(awk '/NoNewPrivs|^Seccomp:|CapEff/ { printf "%s ", $2 }' "/proc/$main/status")" '0000000000000000 1 2 '
child=$(camera_process)
is 'camera process without privileges' \
  "$(awk '/NoNewPrivs|^Seccomp:|CapEff/ { printf "%s ", $2 }' "/proc/$child/status")" '0000000000000000 1 2 '

start=$(now)
kill -KILL "$child"
await 60 has_new_camera "$child" && await 120 is_live
check 'camera process replaced' $? "$(since "$start")"
is 'by the same daemon' "$(property MainPID)" "$main"

start=$(now)
kill -STOP "$main"
await 90 has_new_main "$main"
check 'watchdog restarts a frozen daemon' $? "$(since "$start"), result $(property Result)"
is 'restarts' "$(property NRestarts)" 1
[ ! -e "/proc/$main" ]
check 'frozen daemon is gone' $?
await 180 is_live
check 'live again' $? "$(property StatusText)"

start=$(now)
main=$(property MainPID)
kill -KILL "$main"
await 60 has_new_main "$main"
await 180 is_live
check 'killed daemon comes back' $? "$(since "$start") until live"

start=$(now)
systemctl stop vedette
check 'stop' $? "$(since "$start")"
is 'stopped cleanly' "$(property Result):$(property ExecMainStatus)" success:0
no_process_left
check 'no process left' $?

systemd-analyze security vedette --no-pager | tail -n 1
vedette service remove
check 'remove' $?
[ -e /var/lib/vedette/clip.mp4 ] && [ -e /etc/vedette/config.yaml ] && [ ! -e /etc/systemd/system/vedette.service ]
check 'data and configuration stay' $?
vedette service status
is 'status: not installed' $? 4
vedette service remove --purge
[ ! -e /var/lib/vedette ] && [ ! -e /etc/vedette ] && ! getent passwd vedette >/dev/null
check 'purge takes everything' $?
echo 'TRIAL over'
