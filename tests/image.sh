#!/bin/sh
# Runs the API's tests in the root of an image, with the image's program: read-only, as an ordinary user, without new privileges.
#
#   docker create --name tts tts-batch-api && mkdir root && docker export tts | tar -x -C root
#   cargo test --test api --no-run && sudo tests/image.sh root target/debug/deps/api-* --skip every_format --skip ten_minutes_of_pause
#
# Those that are left out need ffmpeg, which the image does not have.
# Needs root, for mounts in a namespace of its own, which end with it.
set -eu
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64; }
root=$(realpath "$1"); suite=$(realpath "$2"); shift 2
here=$(realpath "$(dirname "$0")/..")

# Where the tests find themselves, their fixtures and the voice; the program there is the image's.
# The tests, not the image, need a shell: it ends a server whose test died. What runs containers gives them /dev.
mkdir -p "$root$here" "$root/proc" "$root/tmp" "$root/bin" "$root/dev"
touch "$root/bin/sh" "$root/dev/null"
# The variables are of the inner shell, which has mounts of its own.
# shellcheck disable=SC2016
exec unshare --mount --propagation private sh -euc '
    root=$1; here=$2; shift 2
    mount --bind "$root" "$root"
    mount --bind "$here" "$root$here"
    mount --bind "$(realpath /bin/sh)" "$root/bin/sh"
    mount --bind /dev/null "$root/dev/null"
    mount --bind "$root/usr/local/bin/tts-batch-api" "$root$here/target/debug/tts-batch-api"
    mount -o remount,bind,ro "$root$here"
    mount -o remount,bind,ro "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o size=4g,mode=1777 tmp "$root/tmp"
    exec setpriv --no-new-privs env -i unshare --root "$root" --wd "$here" --setuid 10001 --setgid 10001 "$@"
' sh "$root" "$here" "$suite" "$@"
