"""What all dashboards share: the dimensions of use, by which they are narrowed."""

from board import Variable

OF = "quotaplane_requests_total"
DIMENSIONS = [
    Variable("org", "Org", OF, "Organisations; those without traffic since the replicas' start are not listed."),
    Variable("team", "Team", OF, "Teams of these organisations."),
    Variable("project", "Project", OF, "Projects of these teams."),
    Variable("model", "Model", OF, "Models that they have asked for."),
]
USE = 'org=~"$org", team=~"$team", project=~"$project", model=~"$model"'
# Of limits: those of what is chosen, and those that are of no single team, project or model.
OF_LIMITS = 'org=~"$org", team=~"$team|", project=~"$project|", model=~"$model|"'
# Reserves that let a request run, and usage that came without one.
BOUGHT = 'decision!="deny"'
# Whether the replicas of each deployment have the same last change.
CHANGE = "by (namespace, job) (quotaplane_control_change)"
AGREE = f"min(max {CHANGE} == bool min {CHANGE})"
