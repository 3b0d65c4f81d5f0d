cd /tmp/w/bench && node bundle.mjs && node out.mjs "$@"
