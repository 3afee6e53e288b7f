#!/usr/bin/env bash
# Runs a command with Swift on a Debian that has none: `chroot.sh FOLDER COMMAND…` makes a Debian trixie with Swift in
# FOLDER, once, and runs COMMAND there, in the folder it was called from. It needs root and debootstrap.
set -euo pipefail
folder=$1
shift
here=$PWD
repository=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$folder/complete" ]; then
  # What was begun and not ended is begun anew; nothing else is taken away.
  if [ -e "$folder" ] && [ ! -e "$folder.begun" ]; then
    echo "$folder is there already and was not made by this script" >&2
    exit 1
  fi
  touch "$folder.begun"
  rm -rf "$folder"
  debootstrap --variant=minbase --include=swiftlang,libc6-dev,libstdc++-14-dev trixie "$folder"
  touch "$folder/complete"
fi

# The repository and cargo's folder lie at the same places inside. The mounts end with the command.
export folder here repository
exec unshare --mount --propagation private bash -euc '
  for place in "$repository" "${CARGO_TARGET_DIR:-$repository/target}"; do
    mkdir -p "$folder$place"
    mount --rbind "$place" "$folder$place"
  done
  mount -t proc proc "$folder/proc"
  mount --rbind /dev "$folder/dev"
  exec chroot "$folder" bash -euc "cd \"\$here\" && exec \"\$@\"" swift "$@"
' swift "$@"
