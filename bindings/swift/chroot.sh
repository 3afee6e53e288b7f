#!/usr/bin/env bash
# Runs a command with Swift on a Debian without Swift: `chroot.sh FOLDER COMMAND…`. Makes a Debian trixie with Swift in
# FOLDER once. Runs COMMAND there, in the current folder. Needs root and debootstrap.
set -euo pipefail
folder=$1
shift
here=$PWD
repository=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$folder/complete" ]; then
  # An interrupted installation starts again. Other folders are not touched.
  if [ -e "$folder" ] && [ ! -e "$folder.begun" ]; then
    echo "$folder exists and was not made by this script: give another folder" >&2
    exit 1
  fi
  touch "$folder.begun"
  rm -rf "$folder"
  debootstrap --variant=minbase --include=swiftlang,libc6-dev,libstdc++-14-dev trixie "$folder"
  touch "$folder/complete"
fi

# The repository and cargo's folder have the same paths inside. The mounts end with the command.
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
