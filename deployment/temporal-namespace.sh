#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS, unless it is there, and waits until the server works with it.
set -eu

within_two_minutes() { # command…
  tries=0
  until "$@" >/dev/null 2>/tmp/reason; do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then
      echo "Gave up after two minutes: $*" >&2
      cat /tmp/reason >&2
      exit 1
    fi
    sleep 1
  done
}

within_two_minutes temporal operator cluster health
if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  echo "Namespace $TEMPORAL_NAMESPACE is there."
else
  # How long runs that have ended can be looked up, and their names are taken.
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 90d
fi
# Servers read the list of namespaces every few seconds.
within_two_minutes temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"
within_two_minutes temporal workflow count --namespace "$TEMPORAL_NAMESPACE"
