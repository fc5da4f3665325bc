"""What the house needs from outside, as small protocols. Adapters fulfil them; `home` joins the two."""
