"""One method of scikit-image or OpenCV on arrays: images.py METHOD OUT.npy IN.npy [IN.npy …]; prints version and processor seconds of the second of two calls."""
import json, sys, time
import numpy as np
method, out, *inputs = sys.argv[1:]
a = [np.load(f) for f in inputs]
if method.startswith("cv2"):
    import cv2
    cv2.setNumThreads(1)
    version = "OpenCV " + cv2.__version__
    y, hole = np.round(255 * a[0]).astype(np.uint8), (a[1] == 0).astype(np.uint8)
    kind = cv2.INPAINT_NS if method == "cv2_ns" else cv2.INPAINT_TELEA
    run = lambda: cv2.inpaint(y, hole, 3, kind).astype(np.float32) / 255
else:
    import skimage
    from skimage import restoration, transform
    version = "scikit-image " + skimage.__version__
    run = {
        "tv": lambda: restoration.denoise_tv_chambolle(a[0].astype(np.float64), weight=float(a[1][0])),
        "tv_long": lambda: restoration.denoise_tv_chambolle(a[0].astype(np.float64), weight=float(a[1][0]), eps=1e-7, max_num_iter=1000),
        "biharmonic": lambda: restoration.inpaint_biharmonic(a[0].astype(np.float64), a[1] == 0),
        "radon": lambda: transform.radon(a[0].astype(np.float64), a[1], circle=True),
        "fbp": lambda: transform.iradon(a[0].T.astype(np.float64), a[1], filter_name="hann", circle=True),
    }[method]
run()
t = time.process_time()
x = run()
print(json.dumps({"version": version, "seconds": time.process_time() - t}))
np.save(out, np.ascontiguousarray(x.T if method == "radon" else x).astype(np.float32))
