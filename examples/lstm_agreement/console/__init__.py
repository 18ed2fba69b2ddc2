"""What the study's commands share: options, progress, tables as text, exit codes."""
