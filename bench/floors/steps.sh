# The floor of further steps: steps.sh <steps> starts that many shells that do nothing, one after the other.
set -e
for ((step = 0; step < $1; step++)); do
  bash -e -c ':'
done
