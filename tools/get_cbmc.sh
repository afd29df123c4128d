#!/bin/sh
# get_cbmc.sh FOLDER: CBMC of Debian 13 for a Debian that has none, with the libraries it needs, in FOLDER alone.
# Nothing of the system changes: packages are unpacked, and FOLDER/bin holds commands that run them.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
server=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/\{0,1\}$' | head -n 1)
[ -n "$server" ] || { echo "error: apt knows no server of Debian's packages" >&2; exit 1; }
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/root" "$folder/bin"
echo "deb [signed-by=$keyring] $server $suite main" >"$folder/sources.list"
cat >"$folder/apt.conf" <<EOF
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "$folder/none";
Dir::Etc::preferences "$folder/none";
Dir::Etc::preferencesparts "$folder/none";
Dir::State::lists "$folder/lists";
Dir::Cache "$folder";
APT::Sandbox::User "root";
EOF
mkdir -p "$folder/none"
export APT_CONFIG="$folder/apt.conf"
apt-get update -qq
(cd "$folder/archives" && apt-get download -qq cbmc libc6 libstdc++6 libgcc-s1 minisat zlib1g)
for package in "$folder"/archives/*.deb; do
    dpkg -x "$package" "$folder/root"
done
for tool in cbmc goto-cc goto-instrument; do
    cat >"$folder/bin/$tool" <<EOF
#!/bin/sh
exec "$folder/root/usr/lib64/ld-linux-x86-64.so.2" \\
    --library-path "$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/usr/lib" "$folder/root/usr/bin/$tool" "\$@"
EOF
    chmod +x "$folder/bin/$tool"
done
"$folder/bin/cbmc" --version
