#!/usr/bin/env bash
# Sends a zip to a server, waits for the results, fetches them.
#
#   USER_NAME=ann PASSWORD=... examples/submit_and_fetch.sh http://127.0.0.1:8080 insureright book.zip results.zip
set -euo pipefail

server=$1 solution=$2 zip=$3 results=$4
url=$server/solutions/batch/1/$solution/scoring
credentials=${USER_NAME:?}:${PASSWORD:?}

# A key of our own: when the connection breaks, the same request can be sent again without harm.
key=$(python3 -c 'import uuid; print(uuid.uuid4())')
curl --fail-with-body --silent --show-error -u "$credentials" --form "file=@$zip" "$url?batchKey=$key"
echo

while true; do
    status=$(curl --silent --show-error --output "$results.part" --write-out '%{http_code}' -u "$credentials" "$url/$key")
    case $status in
    200) break ;;
    404) sleep 1 ;;
    *)
        echo "the server answered $status: $(cat "$results.part")" >&2
        exit 1
        ;;
    esac
done
mv "$results.part" "$results"
echo "results in $results"
