// Package imagefolder reads a folder of pictures, in the layout that vision datasets are usually handed around in:
// a folder for each class, pictures below it.
//
// Every file below the folder whose name ends in .png, .jpg, .jpeg, .gif, .bmp, .tif, .tiff or .webp is a stimulus. Its ID is
// its path from the folder, with slashes; its label "class" is the first part of that path, empty for pictures that
// lie in the folder itself. Links to files and folders are followed.
//
// # Invariants
//
//   - The order is that of the IDs, byte by byte: the same on every platform and file system.
//   - A picture that cannot be read is an error of At for that index, and keeps its row; Len does not depend on what the
//     files hold. It is only counted when the folder is opened, and only read when it is asked for.
//   - Nothing of a picture's claimed size is allocated before the size has passed the limits of the decoder.
//
// # Limits
//
//   - Files and folders whose names begin with a dot are left out (they are what systems leave behind: .DS_Store,
//     ._name.jpg); other files are counted by Skipped.
//   - A folder that changes while it is read gives errors or other pictures: the list is made once, in Open.
//   - Animated pictures give their first frame.
package imagefolder
