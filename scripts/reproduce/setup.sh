# The environment for scripts/reproduce/*.sh, which source this: with Ray where --engine ray asks for it.
case " $* " in
    *" --engine ray "* | *" --engine=ray "*) REQUIREMENTS="${REQUIREMENTS:-} requirements-ray.txt" ;;
esac
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
