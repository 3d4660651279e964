# The floor of a checkout and no-op steps: checkout.sh <bare repository> <commit> <folder> <steps>.
# A repository of its own that borrows the objects of the bare one, with one git process: of clone (from a path or
# a file URL), init with read-tree, and worktree, each was slower.
set -e
mkdir -p "$3/.git/objects/info" "$3/.git/refs"
cd "$3"
echo "$1/objects" >.git/objects/info/alternates
echo "$2" >.git/HEAD
printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n' >.git/config
git reset --quiet --hard
for ((step = 0; step < $4; step++)); do
  bash -e -c ':'
done
