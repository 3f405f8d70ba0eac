"""The subcommands of `lenetcourse`, one module each."""
