#!/usr/bin/env bash
# The API into PostgreSQL with curl, jq and psql, as campuses do it from cron: pages into
# files, one request after the other, a pause to keep the rate, COPY, upsert. It reads
# what has changed since the newest row of a table, as the better ones of them do.
set -euo pipefail
cd "${1:?folder for the pages}"
pause=0
if [ "$BENCH_PER_SECOND" -gt 0 ]; then pause=$(jq -n "1 / $BENCH_PER_SECOND"); fi

token=$(jq -rn 'env | {grant_type: "client_credentials", client_id: .BENCH_CLIENT_ID,
                       client_secret: .BENCH_CLIENT_SECRET} | tojson' |
        curl -sSf "$BENCH_API_URL/oauth/token" -H 'Content-Type: application/json' -d @- |
        jq -r .access_token)
umask 077
echo "header = \"Authorization: Bearer $token\"" > curl.conf

get() { # get QUERY FILE: one page, tried again when the API says so
  local status
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    status=$(curl -sS -g -K curl.conf -D headers -o "$2" -w '%{http_code}' "$BENCH_API_URL$1")
    sleep "$pause"
    case $status in
      200) return ;;
      429) sleep "$(awk 'tolower($1) == "retry-after:" { print int($2) }' headers)" ;;
      *) sleep 2 ;;
    esac
  done
  echo "$1 was answered $status" >&2
  return 1
}

pages() { # pages QUERY NAME: every page of a list into files
  local number=1 total size
  while :; do
    get "$1&page[number]=$number" "$2.$number.json"
    total=$(awk 'tolower($1) == "x-total:" { print int($2) }' headers)
    size=$(awk 'tolower($1) == "x-per-page:" { print int($2) }' headers)
    [ $((number * size)) -lt "$total" ] || break
    number=$((number + 1))
  done
}

load() { # load TABLE ADDED FILE…: rows of JSON into a table; ADDED is JSON, for jq
  local table=$1 added=$2 columns
  shift 2
  columns=$(jq -r '.properties | del(.extra) | keys_unsorted | join(",")' "$SCHEMAS/$table.json")
  jq -c '.properties | del(.extra) | to_entries
         | map([.key, (.value["x-source"] // .key | split(".")), (.value | has("items"))])' \
    "$SCHEMAS/$table.json" > "$table.columns"
  jq -r --slurpfile columns "$table.columns" --argjson added "$added" '
    .[] | . as $record
    | [$columns[0][] | .[0] as $name | .[1] as $path | .[2] as $is_array
       | if $added | has($name) then $added[$name]
         else reduce $path[] as $key ($record; if . == null then null else .[$key] end) end
       | if type == "array" and $is_array then "{" + (map(tojson) | join(",")) + "}"
         elif type == "object" or type == "array" then tojson
         else . end]
    | @csv' "$@" >> "$table.csv"
  echo "$columns" > "$table.names"
}

copy() { # copy TABLE: what load has written, into the database
  [ -s "$1.csv" ] || return 0
  local names key
  names=$(cat "$1.names")
  key=$(jq -r '."x-primary-key" | join(",")' "$SCHEMAS/$1.json")
  "$PSQL" -qX -v ON_ERROR_STOP=1 <<SQL
SET search_path TO $BENCH_SCHEMA;
BEGIN;
CREATE TEMP TABLE fresh (LIKE $1);
\\copy fresh ($names) FROM '$1.csv' WITH (FORMAT csv)
INSERT INTO $1 ($names) SELECT DISTINCT ON ($key) $names FROM fresh
ON CONFLICT ($key) DO UPDATE SET ($names) = ROW($(sed 's/[^,]*/excluded.&/g' "$1.names"));
COMMIT;
SQL
  rm "$1.csv"
}

since() { # since TABLE: the range of what has changed
  local newest
  newest=$("$PSQL" -qXAt -c "SELECT to_char(max(updated_at) AT TIME ZONE 'UTC',
    'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM $BENCH_SCHEMA.$1")
  echo "range[updated_at]=${newest:-1970-01-01T00:00:00.000Z},now"
}

wanted() { [[ " $BENCH_STREAMS " == *" $1 "* ]]; }

list() { # list TABLE QUERY [ADDED]: a whole list
  wanted "$1" || return 0
  rm -f "$1".*
  pages "$2" "$1"
  load "$1" "${3:-{\}}" "$1".*.json
  copy "$1"
}

all='sort=id&page[size]=100'
list cursus "/v2/cursus?$all"
list projects "/v2/cursus/21/projects?sort=id&page[size]=30&$(since projects)" \
  '{"cursus_id": 21}'
list achievements "/v2/achievements?$all"
list users "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false&$all&$(since users)" \
  '{"cursus_id": 21}'
list campuses "/v2/campus?$all"
if wanted projects_users; then
  rm -f projects_users.*
  range=$(since projects_users)
  for campus in $(jq -r '.[].id' campuses.*.json); do
    pages "/v2/projects_users?filter[campus]=$campus&filter[cursus]=21&page[size]=100&$range" \
      "projects_users.$campus"
    load projects_users "{\"campus_id\": $campus, \"cursus_id\": 21}" \
      "projects_users.$campus".*.json
  done
  copy projects_users
fi
list blocs "/v2/blocs?$all"
list coalitions "/v2/coalitions?$all"
if wanted coalitions_users; then
  rm -f coalitions_users.*
  range=$(since coalitions_users)
  for coalition in $(jq -r '.[].id' coalitions.*.json); do
    pages "/v2/coalitions/$coalition/coalitions_users?$all&$range" "coalitions_users.$coalition"
  done
  load coalitions_users '{}' coalitions_users.*.json
  copy coalitions_users
fi
list achievements_users "/v2/achievements_users?$all&$(since achievements_users)"
