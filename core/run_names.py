"""Names of runs: the day and two words that are easy to say, "2026-11-02-quiet-maple"."""

import datetime
import secrets

ADJECTIVES = (
    "amber bold brave brisk bright calm clear clever coral crisp curious daring eager early fair fleet fresh gentle "
    "glad golden grand happy hardy ivory jolly keen kind late light lively lucky mellow merry mild neat nimble noble "
    "patient plain proud quick quiet ready rosy royal rustic silent silver simple sleepy smart snowy soft solid spry "
    "steady still sunny swift tidy tranquil warm wide wild wise young"
).split()
NOUNS = (
    "acorn alder ash aspen badger beech birch bison brook cedar cherry cliff cloud clover comet crane creek daisy "
    "dune eagle elm ember falcon fern finch fjord forest fox garnet glade harbor hare hawk hazel heron hill holly "
    "island iris jay juniper lake larch lark lily linden lynx maple marsh meadow moon moss oak olive opal orchid "
    "otter owl pebble pine pond poplar raven reed river robin rowan sage sparrow spruce star stone swan thistle tide "
    "tulip valley willow wren"
).split()


def drawn() -> str:
    """A name at random, of today."""
    return f"{datetime.date.today().isoformat()}-{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}"
