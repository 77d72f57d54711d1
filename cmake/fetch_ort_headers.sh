#!/bin/sh
# Unpacks ONNX Runtime's C headers into build/ort-headers (or the folder given as the only argument).
#
# Debian 12 has no libonnxruntime-dev, so the package of Debian 13 is downloaded by apt itself, which verifies the
# archive's signature, and unpacked with dpkg-deb. apt gets its own state, cache and source list for this: the system's
# package sources, lists and hooks are neither changed nor run, and no privileges are needed. The mirror, its transport
# and any proxy are those the system's own sources and configuration name. Does nothing when the headers are there.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-$root/build/ort-headers}
package=libonnxruntime-dev
suite=trixie

find_header() {
  find "$1" -name onnxruntime_c_api.h -print -quit 2>/dev/null
}

fail() {
  {
    echo "fetch_ort_headers: $1"
    echo "  ONNX Runtime's C headers are needed to compile. Either install $package where your system has it,"
    echo "  or unpack them yourself and configure with -DMLOPS_ORT_INCLUDE_DIR=<folder of onnxruntime_c_api.h>."
  } >&2
  exit 1
}

if [ -n "$(find_header "$target")" ]; then
  exit 0
fi
for tool in apt-get dpkg-deb; do
  command -v $tool >/dev/null || fail "$tool is not here, and the package comes from a Debian mirror"
done

# A folder outside of the build tree, so that apt's unprivileged download user can reach it below any home directory.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/unpacked"

# apt parses its own sources, in either format; asking it is the only reading that cannot disagree with it.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
  'Created-By: Packages' 2>/dev/null |
  awk -F '|' -v codename="$codename" \
    '$3 == "main" && ($2 == codename || $2 == "stable" || $2 == "oldstable") { print $1; exit }')
[ -n "$mirror" ] || fail "the system's apt sources name no Debian mirror (suite $codename, component main)"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || fail "$keyring is missing (package debian-archive-keyring), so nothing could be verified"

cat >"$work/sources.list" <<END
deb [signed-by=$keyring] $mirror $suite main
END
: >"$work/status"
cat >"$work/apt.conf" <<END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
Acquire::Retries "3";
APT::Get::AllowUnauthenticated "false";
END

echo "fetch_ort_headers: downloading $package of Debian $suite ..." >&2
apt-get -c "$work/apt.conf" -qq --error-on=any update >"$work/log" 2>&1 ||
  fail "apt-get update of the mirror's suite $suite failed: $(tail -n 3 "$work/log")"
(cd "$work/unpacked" && apt-get -c "$work/apt.conf" -qq download "$package") >"$work/log" 2>&1 ||
  fail "apt-get download of $package failed: $(tail -n 3 "$work/log")"
mkdir "$work/headers"
dpkg-deb --extract "$work"/unpacked/"$package"_*.deb "$work/headers" || fail "dpkg-deb could not unpack the package"
[ -n "$(find_header "$work/headers")" ] || fail "the package holds no onnxruntime_c_api.h"

# Renamed into place when complete: an interrupted run leaves nothing that looks done.
mkdir -p "$(dirname "$target")"
rm -rf "$target.new" "$target"
cp -R "$work/headers" "$target.new"
mv "$target.new" "$target"
echo "fetch_ort_headers: $(find_header "$target")" >&2
