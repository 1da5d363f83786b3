# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# Packages without touching the user's apt configuration: a private list of sources and private
# package lists in the cache. The mirror's address and key come from the machine's own sources.

APT_DIR=$CACHE/apt

# apt_entries: the machine's own archive entries, one for each suite, as "URI|SUITE|SIGNED-BY".
# Entries signed by anything but Debian's archive key (third parties) are left out.
apt_entries() {
	for ae_file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$ae_file" ] || continue
		awk '
		$1 != "deb" { next }
		{
			signed = ""
			i = 2
			if ($2 ~ /^\[/) {
				for (; i <= NF; i++) {
					opt = $i
					gsub(/[][]/, "", opt)
					if (opt ~ /^signed-by=/)
						signed = substr(opt, 11)
					if ($i ~ /\]$/)
						break
				}
				i++
			}
			for (c = i + 2; c <= NF; c++)
				if ($c == "main")
					print $i "|" $(i + 1) "|" signed
		}' "$ae_file"
	done
	for ae_file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$ae_file" ] || continue
		awk '
		function flush(    u, s, nu, ns, i, j, n, uris, suites)
		{
			if (f["types"] ~ /(^| )deb( |$)/ && tolower(f["enabled"]) !~ /no|false/ &&
			    f["components"] ~ /(^| )main( |$)/) {
				nu = split(f["uris"], uris, " ")
				ns = split(f["suites"], suites, " ")
				for (i = 1; i <= nu; i++)
					for (j = 1; j <= ns; j++)
						print uris[i] "|" suites[j] "|" f["signed-by"]
			}
			split("", f)
		}
		/^#/ { next }
		/^[ \t]*$/ { flush(); next }
		/^[ \t]/ { v = $0; sub(/^[ \t]+/, "", v); f[name] = f[name] " " v; next }
		{
			name = tolower($0)
			sub(/:.*/, "", name)
			v = $0
			sub(/^[^:]*:[ \t]*/, "", v)
			f[name] = v
		}
		END { flush() }' "$ae_file"
	done
}

# apt_debian: only the entries of the Debian archive itself. A key given by name decides; without
# one, or with the key in the text, so does the address's last part.
apt_debian() {
	apt_entries | awk -F'|' -v code="$(os_codename)" '
		$1 ~ /^cdrom:/ { next }
		$2 !~ "^(" code "|stable|oldstable)(-updates|-security)?$" { next }
		$3 ~ /^\// && $3 !~ /debian-archive/ { next }
		$3 !~ /^\// && $1 !~ /\/debian(-security)?(\/|$)|mirrors\/debian(-security)?\.list$/ { next }
		!seen[$1 $2]++ {
			if ($3 !~ /^\//)
				$3 = ""
			print $1 "|" $2 "|" $3
		}'
}

os_field() {
	sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d '"'
}

os_codename() {
	os_field VERSION_CODENAME
}

# apt_stanza URI SUITES SIGNED-BY: one deb822 entry.
apt_stanza() {
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$1" "$2"
	if [ -n "$3" ]; then
		printf 'Signed-By: %s\n' "$3"
	elif [ -r /usr/share/keyrings/debian-archive-keyring.gpg ]; then
		printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
	fi
	echo
}

# apt_main: "URI|SUITE|SIGNED-BY" of the archive that has this release's main packages.
apt_main() {
	apt_debian | awk -F'|' '$2 !~ /-(updates|security)$/' | head -n 1
}

# apt_sources NAME EXTRA-SUITE...: writes $APT_DIR/NAME.sources. The name "build" takes the
# machine's own Debian entries along; other names hold the extra suites only.
apt_sources() {
	as_name=$1
	shift
	as_main=$(apt_main)
	[ -n "$as_main" ] ||
		die "no Debian archive in /etc/apt/sources.list or /etc/apt/sources.list.d: add one for $(os_codename)"
	mkdir -p "$APT_DIR/$as_name/partial" "$APT_DIR/cache/archives/partial"
	{
		if [ "$as_name" = build ]; then
			apt_debian | while IFS='|' read -r uri suite signed; do
				apt_stanza "$uri" "$suite" "$signed"
			done
		fi
		if [ $# -gt 0 ]; then
			apt_stanza "${as_main%%|*}" "$*" "${as_main##*|}"
		fi
	} >"$APT_DIR/$as_name.sources.new"
	mv "$APT_DIR/$as_name.sources.new" "$APT_DIR/$as_name.sources"
}

# apt_with NAME COMMAND...: apt-get or apt-cache on the private lists called NAME.
apt_with() {
	aw_name=$1 aw_command=$2
	shift 2
	"$aw_command" -q -o "Dir::Etc::sourcelist=$APT_DIR/$aw_name.sources" \
		-o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$APT_DIR/$aw_name" \
		-o "Dir::Cache=$APT_DIR/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=3 \
		-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# apt_reachable: whether the mirror answers, within 4 s, nothing kept.
apt_reachable() {
	ar_main=$(apt_main)
	ar_rest=${ar_main#*|}
	ar_file=$(mktemp)
	ar_rc=0
	timeout 4 /usr/lib/apt/apt-helper -q -o Acquire::Retries=0 -o Acquire::http::Timeout=3 \
		-o Acquire::https::Timeout=3 -o APT::Sandbox::User=root download-file \
		"${ar_main%%|*}/dists/${ar_rest%%|*}/InRelease" "$ar_file" >/dev/null 2>&1 || ar_rc=1
	rm -f "$ar_file"
	return "$ar_rc"
}
