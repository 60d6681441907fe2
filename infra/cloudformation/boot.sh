#!/bin/bash
# Makes a worker or a finder of a new instance of Amazon Linux 2023. The template runs it as
# user data, after it has written what follows from the stack's parameters, one name=value
# a line, to /etc/dth/boot.conf. Nothing there is ever run. No package is updated.
set -euo pipefail

root=${DTH_ROOT:-} # a scratch folder in tests

fail() {
  echo "dth boot: $*" >&2
  exit 1
}

# value NAME prints a setting of boot.conf, empty where there is none.
value() { sed -n "s/^$1=//p" "$root/etc/dth/boot.conf" | head -n 1; }

# is NAME says whether a setting is true.
is() { [[ $(value "$1") == true ]]; }

# told tells CloudFormation how it went: the first worker that is up completes the stack.
# Later ones, and those of a stack that does not wait, are refused, which is no failure.
told() {
  local code=$?
  if [[ $(value role) == finder ]]; then # one that is not up must not keep the next away; its log stays for a while
    [[ $code == 0 ]] || systemd-run --on-active=15min /usr/bin/systemctl start dth-finish.service || true
    exit "$code"
  fi
  [[ -x $root/opt/aws/bin/cfn-signal ]] || dnf -q -y install aws-cfn-bootstrap || true
  "$root/opt/aws/bin/cfn-signal" --exit-code "$code" --reason "dth boot ended with $code: see /var/log/cloud-init-output.log" \
    --stack "$(value stack)" --resource WorkersUp --region "$(value region)" || true
  exit "$code"
}

# tune lets one instance use the whole line: BBR, and buffers for long and fat pipes.
tune() {
  printf '%s\n' tcp_bbr sch_fq >"$root/etc/modules-load.d/dth.conf"
  cat >"$root/etc/sysctl.d/90-dth.conf" <<'END'
net.core.default_qdisc = fq
net.ipv4.tcp_congestion_control = bbr
net.core.rmem_max = 67108864
net.core.wmem_max = 67108864
net.ipv4.tcp_rmem = 4096 131072 67108864
net.ipv4.tcp_wmem = 4096 131072 67108864
net.ipv4.tcp_slow_start_after_idle = 0
net.ipv4.tcp_notsent_lowat = 131072
END
  # Without them dth is slower on long ways, and the dashboard shows the share of BBR.
  modprobe -a tcp_bbr sch_fq || echo "dth boot: no BBR in this kernel" >&2
  sysctl -q -p "$root/etc/sysctl.d/90-dth.conf" || echo "dth boot: the network is not tuned" >&2
  local nic # default_qdisc is of interfaces to come, and this one is there
  nic=$(ip -o route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  [[ -z $nic ]] || tc qdisc replace dev "$nic" root fq || echo "dth boot: $nic keeps its queueing discipline" >&2
}

# install_dth puts dth and its plugins into /opt/dth, if they are what the stack names.
install_dth() {
  local from to sum
  from="s3://$(value assetBucket)/$(value assetPrefix)dth_linux_arm64.tar.gz"
  to="$root/opt/dth.tar.gz"
  aws s3 cp --only-show-errors --region "$(value region)" "$from" "$to" ||
    fail "$from cannot be read: may the role of this instance read it, and is there a way to Amazon S3?"
  sum=$(sha256sum "$to" | cut -d ' ' -f 1)
  if [[ $sum != "$(value assetSha256)" ]]; then
    rm -f "$to"
    fail "$from has SHA-256 $sum, not $(value assetSha256): nothing is installed. Was it replaced? Upload it again, or update the stack with its checksum as assetSha256"
  fi
  mkdir -p "$root/opt/dth"
  tar -xzf "$to" -C "$root/opt/dth" --no-same-owner
  rm -f "$to"
  [[ -x $root/opt/dth/dth ]] || fail "$from holds no program dth"
}

# kind SIDE prints the store's type, nothing where a plugin is named instead.
kind() { [[ -n $(value "$1Plugin") ]] || value "$1Type"; }

# plugin SIDE prints the plugin that the stack names, or that for what its form calls a type.
plugin() {
  case $(kind "$1") in
  '') value "$1Plugin" ;;
  Amazon_S3)
    case $(value "$1Endpoint") in
    '' | *.amazonaws.com | *.amazonaws.com/ | *.amazonaws.com.cn | *.amazonaws.com.cn/) echo s3 ;;
    *) echo s3compat ;;
    esac
    ;;
  Aliyun_OSS) echo oss ;;
  Qiniu_Kodo) echo kodo ;;
  Tencent_COS) echo cos ;;
  *) fail "$1Type is $(value "$1Type"), which no plugin is for" ;;
  esac
}

# credentials SIDE prints a reference: to a secret, to nobody, or nothing for the role.
credentials() {
  if [[ $(kind "$1") == Amazon_S3 && $(plugin "$1") == s3 ]] && is "$1InCurrentAccount"; then
    return 0
  elif [[ -n $(value "$1Credentials") ]]; then
    echo "secret:$(value "$1Credentials")"
  elif [[ $(kind "$1") == Amazon_S3 && -z $(value "$1RoleArn") ]]; then
    echo anonymous
  fi
}

# options SIDE prints the options of a location, one name=value a line.
options() {
  local name
  name=$(plugin "$1")
  option credentials "$(credentials "$1")"
  [[ $name == kodo ]] || option region "$(value "$1Region")"
  option endpoint "$(value "$1Endpoint")"
  if [[ $name == s3 ]]; then
    option role-arn "$(value "$1RoleArn")"
    option external-id "$(value "$1ExternalId")"
  fi
  value "$1Options" | tr '&' '\n' | sed '/^$/d'
}
option() { [[ -z $2 ]] || echo "$1=$2"; }

# encoded TEXT CHARACTERS prints TEXT as it stands in a location.
encoded() {
  local text=$1 out='' i c
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    if [[ $2 == *"$c"* ]]; then printf -v c '%%%02X' "'$c"; fi
    out+=$c
  done
  printf '%s\n' "$out"
}

# yaml INDENT NAME TEXT prints a pair of dth.yaml, nothing where there is no text.
yaml() {
  local quote="'"
  [[ -z $3 ]] || printf "%s%s: '%s'\n" "$1" "$2" "${3//$quote/$quote$quote}"
}

# store SIDE prints a store of dth.yaml.
store() {
  local line
  echo "  $1:"
  yaml '    ' plugin "$(plugin "$2")"
  options "$2" | while IFS= read -r line; do yaml '    ' "${line%%=*}" "${line#*=}"; done
}

# job prints the job of dth.yaml. Objects keep their whole key below the destination's prefix,
# or lose the folders of the source's.
job() {
  local prefix='' above='' below star=''
  [[ -n $(value srcPrefixsListFile) ]] || prefix=$(value srcPrefix)
  [[ $prefix != */* || $(value keepSrcPrefix) == false ]] || above=${prefix%/*}/
  [[ $prefix == '' || $prefix == */ ]] || star='*'
  below=$(value destPrefix)
  below=${below#/}
  [[ $below == '' || $below == */ ]] || below+=/
  echo '  transfer:'
  yaml '    ' source "source:$(value srcBucket)/$(encoded "$prefix" '%#?*')$star"
  yaml '    ' destination "destination:$(value destBucket)/$(encoded "$below$above" '%#?*')"
  yaml '    ' metadata "$(is includeMetadata && echo all || echo none)"
  if is isPayerRequest; then yaml '    ' requester-pays true; fi
  case $(value srcEvent) in
  No) yaml '    ' events none ;;
  *) yaml '    ' events "$(value srcEvent)" ;;
  esac
  yaml '    ' max-delete "$(value maxDelete)"
  if [[ $(value role) == worker ]]; then yaml '    ' transfers "$(($(value workerNumber) * 16))"; fi
  yaml '    ' giant-threshold "$(value giantThresholdMiB)MiB"
  yaml '    ' check-every "$(value checkSeconds)s"
  yaml '    ' status-days "$(value statusTtlDays)"
  written
}

# written prints how Amazon S3 keeps what is written: other stores have their own words.
written() {
  [[ $(plugin dest) == s3 ]] || return 0
  local key
  yaml '    ' storage-class "$(value destStorageClass)"
  yaml '    ' acl "$(value destAcl)"
  key=$(value destPutObjectSSEKmsKeyId)
  case $(value destPutObjectSSEType) in
  AES256) yaml '    ' sse AES256 ;;
  AWS_KMS) yaml '    ' sse "aws:kms${key:+=$key}" ;;
  esac
}

configure() {
  {
    echo '# Written at boot from the parameters of the stack.'
    echo 'stores:'
    store source src
    store destination dest
    echo 'jobs:'
    job
    echo 'defaults:'
    local name
    for name in queue priority-queue dead-letter-queue objects-table parts-table state-machine worker-group; do
      yaml '  ' "$name" "$(value "$name")"
    done
  } >"$root/etc/dth/dth.yaml"
  {
    variable AWS_REGION "$(value region)"
    variable DTH_CONFIG /etc/dth/dth.yaml
    variable HOME /var/lib/dth
    variable TMPDIR /var/tmp # on the disk, which /tmp is not
    [[ $(value role) == worker ]] || finder_only
  } >"$root/etc/dth/env"
}

# variable NAME TEXT prints a line of a systemd environment file.
variable() {
  local text=$2 c
  for c in "\\" '"' '$' '`'; do text=${text//"$c"/\\$c}; done
  printf '%s="%s"\n' "$1" "$text"
}

# finder_only sets what only the finder's command line can say, and prints its variables.
finder_flags=''
finder_only() {
  local list bucket line mark='?'
  if is srcSkipCompare; then finder_flags=--skip-compare; fi
  list=$(value srcPrefixsListFile)
  if [[ -n $list ]]; then
    finder_flags+=" --prefixes-from \${DTH_LIST}"
    bucket=$(value srcPrefixListBucket)
    if [[ -n $bucket ]]; then # of this account
      list="s3://$bucket/$(encoded "$list" '%#?*')"
    else
      list="$(plugin src)://$(value srcBucket)/$(encoded "$list" '%#?*')"
      while IFS= read -r line; do
        list+="$mark${line%%=*}=$(encoded "${line#*=}" '%#&')"
        mark='&'
      done < <(options src)
    fi
    variable DTH_LIST "$list"
  fi
}

# units installs the services. What they may touch: their own state, and the network.
units() {
  local role logs
  role=$(value role)
  logs=$(value logGroup)
  {
    cat <<END
[Unit]
Description=dth $role
Wants=network-online.target
After=network-online.target
END
    [[ $role == worker ]] || printf '%s\n' StartLimitIntervalSec=infinity StartLimitBurst=3 OnSuccess=dth-finish.service OnFailure=dth-finish.service
    [[ $role == finder ]] || echo StartLimitIntervalSec=0
    cat <<END

[Service]
User=dth
Group=dth
EnvironmentFile=/etc/dth/env
ExecStart=/opt/dth/dth $role @transfer $finder_flags --stack $(value stack) --log-group $logs --listen 127.0.0.1:9464
StandardError=append:/var/log/dth/$role.log
Restart=on-failure
TimeoutStopSec=280
LimitNOFILE=1048576
StateDirectory=dth
LogsDirectory=dth
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
END
    if [[ $role == worker ]]; then
      printf '%s\n' Type=notify WatchdogSec=60 RestartSec=10
    else # 1: it ended, and some objects could not be found out about
      printf '%s\n' Type=exec RestartSec=60 SuccessExitStatus=1
    fi
    printf '%s\n' '' '[Install]' WantedBy=multi-user.target
  } >"$root/etc/systemd/system/dth-$role.service"
}

# finish_unit installs what ends the finder's instance, once its last lines are sent.
finish_unit() {
  local token id
  token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token)
  id=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
  cat >"$root/etc/systemd/system/dth-finish.service" <<END
[Unit]
Description=end the instance of the dth finder

[Service]
Type=oneshot
Restart=on-failure
RestartSec=60
ExecStartPre=/usr/bin/sleep 30
ExecStart=/usr/bin/aws autoscaling terminate-instance-in-auto-scaling-group --region $(value region) --instance-id $id --should-decrement-desired-capacity
END
}

# ship sends the log to CloudWatch. Without the agent dth works, and logs on the instance.
ship() {
  local role
  role=$(value role)
  mkdir -p "$root/opt/aws/amazon-cloudwatch-agent/etc" "$root/etc/logrotate.d" "$root/var/log/dth"
  printf '%s\n' '/var/log/dth/*.log {' '  size 100M' '  rotate 2' '  copytruncate' '  missingok' '}' >"$root/etc/logrotate.d/dth"
  cat >"$root/opt/aws/amazon-cloudwatch-agent/etc/dth.json" <<END
{"agent": {"region": "$(value region)"},
 "logs": {"logs_collected": {"files": {"collect_list": [
  {"file_path": "/var/log/dth/$role.log", "log_group_name": "$(value logGroup)", "log_stream_name": "$role/{instance_id}/log"}]}}}}
END
  dnf -q -y install amazon-cloudwatch-agent &&
    "$root/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c file:/opt/aws/amazon-cloudwatch-agent/etc/dth.json ||
    echo "dth boot: no agent of CloudWatch: the log stays in /var/log/dth" >&2
}

main() {
  trap told EXIT
  [[ $(value role) == worker ]] || finish_unit
  tune
  install_dth
  id -u dth >/dev/null 2>&1 || useradd --system --home-dir /var/lib/dth --shell /sbin/nologin dth
  configure
  units
  ship
  systemctl daemon-reload
  systemctl enable --now "dth-$(value role).service"
}

main
