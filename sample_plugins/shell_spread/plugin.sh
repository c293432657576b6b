#!/bin/sh
# Starts spread.awk with line-by-line input, whichever awk this machine has.
cd "$(dirname "$0")" || exit 1
# One byte is one character: positions in a line are then found in constant time.
LC_ALL=C
export LC_ALL
# mawk waits for a full buffer on a pipe unless told otherwise, and only mawk knows this option.
case $(awk -W version 2>&1 </dev/null) in
*mawk*) exec awk -W interactive -f spread.awk ;;
*) exec awk -f spread.awk ;;
esac
