"""Building the firmware and comparing it with the simulator."""
