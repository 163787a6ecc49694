"""What all dashboards share: the dimensions of use, by which they are narrowed."""

from board import Variable

OF = "quotaplane_requests_total"
# What was charged may be another model's than the one that was asked for: a fallback's.
MODELS_OF = "quotaplane_(requests|cost_usd)_total"
DIMENSIONS = [
    Variable("org", "Org", OF, "Organisations; those without traffic since the replicas' start are not listed."),
    Variable("team", "Team", OF, "Teams of these organisations."),
    Variable("project", "Project", OF, "Projects of these teams."),
    Variable("model", "Model", MODELS_OF, "Models that they have asked for, or have been charged."),
]
USE = 'org=~"$org", team=~"$team", project=~"$project", model=~"$model"'
# Of limits: those of what is chosen, and those that are of no single team, project or model.
OF_LIMITS = 'org=~"$org", team=~"$team|", project=~"$project|", model=~"$model|"'
# Reserves that let a request run, and usage that came without one.
BOUGHT = 'decision!="deny"'
# Whether the replicas of each deployment have the same last change.
CHANGE = "by (namespace, job) (quotaplane_control_change)"
AGREE = f"min(max {CHANGE} == bool min {CHANGE})"
