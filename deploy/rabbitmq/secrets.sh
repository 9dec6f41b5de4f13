#!/bin/bash
# Gives every service its secrets in a volume of its own, once: passwords that you put into deploy/secrets, and random ones
# for the rest. Runs before RabbitMQ starts, and again with each `docker compose up`, when it changes nothing unless you
# changed a password.
set -euo pipefail

# What lies in a volume can be read by the services that mount it, whatever user they run as, and by nobody else.
umask 022

random() { head -c 24 /dev/urandom | base64 -w 0 | tr '+/' '-_'; }

# password USER: as given, else as made up before, else made up now.
password() {
  local kept=/secrets/rabbitmq/$1
  if [ -s "/given/$1" ]; then
    tr -d '\r\n' <"/given/$1" >"$kept"
  elif [ ! -s "$kept" ]; then
    random >"$kept"
  fi
  cat "$kept"
}

# hash PASSWORD: as RabbitMQ stores it, a salt of four bytes and SHA-256 over both.
hash() {
  local salt digest
  salt=$(head -c 3 /dev/urandom | base64 -w 0)
  digest=$(printf %s "$salt$1" | sha256sum | cut -d ' ' -f 1 | sed 's/../\\x&/g')
  { printf %s "$salt"; printf '%b' "$digest"; } | base64 -w 0
}

# encoded TEXT: as it may stand in a URL.
encoded() {
  local text=$1 i c
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in [A-Za-z0-9._~-]) printf %s "$c" ;; *) printf %%%02X "'$c" ;; esac
  done
}

# The users and their hashes take the places kept for them in the definitions.
definitions=$(</definitions.json)
for user in producer worker operator monitoring; do
  secret=$(password "$user")
  definitions=${definitions//"@$user@"/"$(hash "$secret")"}
  [ ! -d "/secrets/$user" ] ||
    printf 'amqp://%s:%s@%s/\n' "$user" "$(encoded "$secret")" "$AMQP_HOSTS" >"/secrets/$user/url"
done
printf '%s\n' "$definitions" >/secrets/rabbitmq/definitions.json

password cookie >/dev/null
password grafana >/secrets/grafana/password
echo "secrets are in place"
