#!/bin/sh
# Runs the given command with Polytomic's key; without a key, with the sandbox, if that is up. Never guesses between them.
set -eu

host=${SANDBOX_URL#*://}
# The dot at the end: what this machine's network calls by the same name is not asked.
if getent hosts "${host%%[:/]*}." >/dev/null; then sandbox=up; else sandbox=; fi

if [ -n "${POLYTOMIC_API_KEY:-}" ]; then
  if [ -n "$sandbox" ]; then
    cat >&2 <<'END'
POLYTOMIC_API_KEY is set and the sandbox is up, so it is not clear which of them the worker is to work with.
  With the sandbox:   POLYTOMIC_API_KEY= docker compose --profile sandbox up
  With Polytomic:     docker compose --profile sandbox rm --stop --force sandbox, then docker compose up
END
    exit 2
  fi
elif [ -n "$sandbox" ]; then
  # Its own password in place of a real one, which is none of its business.
  export POLYTOMIC_API_KEY="$SANDBOX_API_KEY" POLYTOMIC_BASE_URL="$SANDBOX_URL" SNOWFLAKE_PASSWORD="$SANDBOX_SNOWFLAKE_PASSWORD"
else
  cat >&2 <<'END'
POLYTOMIC_API_KEY is not set, so the worker has nothing to work with.
  With Polytomic:     make a key there under Settings, API keys; put the line POLYTOMIC_API_KEY=… into a file .env
                      beside docker-compose.yml; then docker compose up
  To try it out:      docker compose --profile sandbox up
END
  exit 2
fi

exec "$@"
