#!/bin/bash
# So many scripts of a bare Node.js, one after the other, as an action would be started by hand.
set -e
node=$1 file=$2 count=$3
for ((i = 0; i < count; i++)); do
  INPUT_WHO=world "$node" "$file" >/dev/null
done
