"""Take over what another tracker holds, and give it back."""
