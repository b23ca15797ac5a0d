"""What a process tells of itself: numbers over time, faults in plain words, a note each second."""
