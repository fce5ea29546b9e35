"""The layouts by name: functions from a Request to a list of Tables, empty where the records have nothing for them."""
from collections.abc import Callable

from .ablation import ablation
from .auto import auto
from .cross import dg, table2
from .efficiency import efficiency
from .few_shot import few_shot
from .request import Request
from .table import Table
from .table1 import table1

LAYOUTS: dict[str, Callable[[Request], list[Table]]] = {
    "auto": auto, "table1": table1, "table2": table2, "dg": dg, "few_shot": few_shot, "ablation": ablation,
    "efficiency": efficiency}

# What to run where there is nothing to show
MADE_BY = {
    "auto": "scripts/quickstart.sh or scripts/*/base2new*.sh",
    "table1": "scripts/reproduce/table1.sh",
    "table2": "scripts/reproduce/table2.sh",
    "dg": "scripts/reproduce/domain_generalization.sh",
    "few_shot": "scripts/reproduce/few_shot.sh",
    "ablation": "scripts/reproduce/ablation.sh",
    "efficiency": "scripts/reproduce/efficiency.sh",
}
