#!/bin/sh
# Makes ./configure from configure.ac, for a checkout; a release tarball has it.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force
