#!/usr/bin/env bash
# Runs the tests that nothing is lost for hours, with full counts and new seeds each time.
#
#   scripts/soak.sh HOURS      at least one round, then further ones until HOURS (a whole number) have passed
#
# Each round kills the server under load (1,000 times on SQLite, 200 times on PostgreSQL), cuts its power (100 times),
# fills and breaks its disk, restarts and removes its database, kills a primary database under load so that its standby
# takes over (3 times), repeats 10,000 commands over cut connections and lets hostile clients in; every kind also in a
# sabotaged form that must be found out. A round takes some hours.
#
# GPUBOURSE_TEST_PG is the URL of a PostgreSQL server on which databases may be made; PostgreSQL (for servers of the
# tests' own), cc and prlimit must be installed. The counts can be set, to try the script:
#
#   GPUBOURSE_KILLS  GPUBOURSE_KILLS_ON_POSTGRES  GPUBOURSE_POWER_CUTS  GPUBOURSE_PROMOTIONS  GPUBOURSE_REPEATED
#   GPUBOURSE_SOAK_PROFILE (ci)
#
# Each round's output is kept in target/soak, under its seed: GPUBOURSE_KILL_SEED=SEED repeats its choices. Prints a
# summary and fails if any round failed.
set -uo pipefail
cd "$(dirname "$0")/.."

hours=${1:-}
if ! [[ $hours =~ ^[0-9]+$ ]]; then
    echo "usage: scripts/soak.sh HOURS" >&2
    exit 2
fi
: "${GPUBOURSE_TEST_PG:?is the URL of a PostgreSQL server to test on}"
export CI=true CARGO_TERM_COLOR=never RUST_BACKTRACE=1
export GPUBOURSE_KILLS=${GPUBOURSE_KILLS:-1000} GPUBOURSE_KILLS_ON_POSTGRES=${GPUBOURSE_KILLS_ON_POSTGRES:-200}
export GPUBOURSE_POWER_CUTS=${GPUBOURSE_POWER_CUTS:-100} GPUBOURSE_PROMOTIONS=${GPUBOURSE_PROMOTIONS:-3}
export GPUBOURSE_REPEATED=${GPUBOURSE_REPEATED:-10000}
profile=${GPUBOURSE_SOAK_PROFILE:-ci}
tests=(process::kill process::cut process::outage process::standby process::repeats process::hostile)

logs="${CARGO_TARGET_DIR:-target}/soak"
mkdir -p "$logs"
cargo test --profile "$profile" --locked --test it --no-run || exit 1

rounds=0 failed=()
until [ "$rounds" -gt 0 ] && [ "$SECONDS" -ge $((hours * 3600)) ]; do
    seed=$((RANDOM << 30 | RANDOM << 15 | RANDOM))
    log="$logs/$seed.log"
    started=$SECONDS
    rounds=$((rounds + 1))
    if GPUBOURSE_KILL_SEED=$seed cargo test --profile "$profile" --locked --test it -- \
        --nocapture --test-threads=1 "${tests[@]}" >"$log" 2>&1; then
        result="ok"
    else
        result="FAILED"
        failed+=("$seed")
    fi
    printf 'round %d, seed %d: %s in %d s (%s)\n' "$rounds" "$seed" "$result" "$((SECONDS - started))" "$log"
    grep -oE '(Totals \{|restart until ready|[0-9]+ cuts:|[0-9]+ commands, sent|the next request succeeded|Heard \{|test result:).*' "$log" | sed 's/^/    /'
done

printf '\n%d round(s) in %d s, %d failed\n' "$rounds" "$SECONDS" "${#failed[@]}"
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'failed seeds: %s\n' "${failed[*]}"
    exit 1
fi
