# shellcheck shell=bash
# Sourced by the scripts here: runs Compose, whichever there is, for one folder of the stack.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if docker compose version >/dev/null 2>&1; then
    composer=(docker compose)
elif command -v docker-compose >/dev/null; then
    composer=(docker-compose)
else
    echo "Docker Compose is needed: https://docs.docker.com/compose/install/" >&2
    exit 1
fi

# stack FOLDER COMPOSE-ARGUMENTS...
stack() {
    local folder=$1 settings=()
    shift
    [ -e "$here/.env" ] && settings=(--env-file "$here/.env")
    "${composer[@]}" "${settings[@]}" -p "splitfin-$folder" -f "$here/$folder/docker-compose.yml" "$@"
}

# healthy FOLDER SERVICE: waits until it says so.
healthy() {
    local deadline=$((SECONDS + 300)) state='' restarts=0 container
    until [ "$state" = healthy ]; do
        if [ $SECONDS -ge $deadline ] || [ "${restarts:-0}" -gt 2 ]; then
            echo "$2 is not healthy (${state:-not there})" >&2
            stack "$1" logs --tail 20 "$2" >&2 || true
            return 1
        fi
        sleep 1
        container=$(stack "$1" ps -q "$2")
        read -r state restarts < <(docker inspect -f '{{.State.Health.Status}} {{.RestartCount}}' "$container" 2>/dev/null) || state=''
    done
}
