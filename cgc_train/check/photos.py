"""Checks that no photo is missing, and that the images of some rows can be composed and decoded."""

import io

from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.release.reference import photo_stores
from cgc_train.check.context import Context, Finding, failed, ok
from cgc_train.data.find import picked
from cgc_train.errors import TrainingDataError

SAMPLED = 16  # number of rows whose images are opened
NAMED = 3  # photos listed per message
FIX = "set data.photos to the folder or zip that contains all photos"


def check_photos(context: Context) -> Finding:
    """Check that the images of sampled rows can be opened. If the release stores no images, also check that no photo is
    missing.
    """
    if not context.release.has_images and (missing := _missing(context)):
        named = ", ".join(missing[:NAMED]) + f" and {len(missing) - NAMED} more" * (len(missing) > NAMED)
        return failed(f"{context.release.folder}: {len(missing)} photos are missing: {named}", FIX, len(missing), 0)
    opened = 0
    for row in picked(context.release, _sampled(context), context.recipe.data.photos):
        for number, image in enumerate(row["images"], 1):
            try:
                Image.open(io.BytesIO(image["bytes"])).load()
            except (OSError, TypeError, ValueError):
                fix = "build or download the release again"
                return failed(f"{context.release.folder}: row {row['id']}: image {number} cannot be opened", fix)
            opened += 1
    kind = "stored in the release" if context.release.has_images else "composed from photos, none of which are missing"
    return ok(f"opened {opened} images of {min(SAMPLED, len(context.ids))} rows, {kind}")


def _missing(context: Context) -> list[str]:
    """File names of photos that are needed to compose the images, but are missing."""
    try:
        stores = photo_stores(context.release, context.recipe.data.photos)
    except PhotoError as error:
        raise TrainingDataError(f"{context.release.folder}: stores no images ({error}); {FIX}") from None
    views = (view for row in context.all_rows() for view in row["views"])
    names = {(part["source"], part["file_name"]) for view in views for part in (view, *view["parts"])}
    return sorted(name for source, name in names if source not in stores or stores[source].place(name) is None)


def _sampled(context: Context) -> set[str]:
    """Ids of up to `SAMPLED` training rows, at even intervals in the sorted list of all ids."""
    ids = sorted(context.ids)
    return set(ids[:: max(1, len(ids) // SAMPLED)][:SAMPLED])
