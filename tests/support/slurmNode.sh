#!/bin/sh
# A Slurm cluster of one node, for tests: munged, slurmctld and slurmd of this machine (apt-get install slurm-wlm munge), by root, with everything they write in one
# folder and ports of their own.
#   slurmNode.sh start FOLDER   prints the line SLURM_CONF=… that clients need
#   slurmNode.sh stop FOLDER
set -eu
command=$1
at=$2
conf=$at/slurm.conf
ended() { [ -f "$1" ] && kill "$(cat "$1")" 2>/dev/null || true; }
case $command in
start)
  [ "$(id -u)" = 0 ] || { echo "slurmNode: this needs root" >&2; exit 1; }
  for program in munged slurmctld slurmd sbatch; do command -v $program >/dev/null || { echo "slurmNode: there is no $program" >&2; exit 1; }; done
  mkdir -p "$at/state" "$at/spool"
  chmod 755 "$at"
  head -c 1024 /dev/urandom >"$at/munge.key"
  chmod 400 "$at/munge.key"
  munged --force --key-file="$at/munge.key" --socket="$at/munge.socket" --pid-file="$at/munge.pid" --log-file="$at/munge.log" --seed-file="$at/munge.seed" >/dev/null 2>&1
  node=$(hostname -s)
  port=$((20000 + $$ % 20000))
  cat >"$conf" <<END
ClusterName=pullback
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$at/munge.socket
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$at/state
SlurmdSpoolDir=$at/spool
SlurmctldPidFile=$at/slurmctld.pid
SlurmdPidFile=$at/slurmd.pid
SlurmctldLogFile=$at/slurmctld.log
SlurmdLogFile=$at/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=long Nodes=$node Default=YES MaxTime=INFINITE State=UP
END
  slurmctld -c -f "$conf"
  slurmd -f "$conf"
  for _ in $(seq 60); do
    SLURM_CONF=$conf sinfo -h -o %T 2>/dev/null | grep -q idle && { echo "SLURM_CONF=$conf"; exit 0; }
    sleep 1
  done
  echo "slurmNode: no node after a minute; see $at/*.log" >&2
  exit 1
  ;;
stop)
  SLURM_CONF=$conf scancel --user=root 2>/dev/null || true
  ended "$at/slurmd.pid"
  ended "$at/slurmctld.pid"
  ended "$at/munge.pid"
  ;;
esac
