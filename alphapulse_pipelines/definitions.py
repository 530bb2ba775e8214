"""The entry of the code location `alphapulse`: reads the settings, and offers `definitions`."""

import os

from alphapulse.settings import read_settings
from alphapulse_pipelines.build import build_definitions

definitions = build_definitions(read_settings(os.environ))
