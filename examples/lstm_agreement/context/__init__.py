"""How far the primary path carries: many words between subject and verb."""
