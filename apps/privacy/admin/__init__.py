"""Data protection in the back office: masks, the trail, the register, exports and erasures."""

from apps.privacy.admin import erasures, exports, masks, register, trail

__all__ = ["erasures", "exports", "masks", "register", "trail"]
